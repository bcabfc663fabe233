"""Every sentence that a person may read, in Spanish and English, under its stable code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["es", "en"]


@dataclass(frozen=True)
class Text:
    es: str
    en: str

    def render(self, language: Language, params: Mapping[str, str | int | float] | None = None) -> str:
        template: str = self.es if language == "es" else self.en
        return template.format(**(params or {}))


PROBLEMS: dict[str, Text] = {
    "malformed_json": Text(es="El cuerpo no es JSON válido.", en="The body is not valid JSON."),
    "malformed_request": Text(es="La solicitud no se puede leer.", en="The request cannot be read."),
    "not_multipart": Text(
        es="Envía el video como multipart/form-data con un «boundary» válido.",
        en="Send the video as multipart/form-data with a valid boundary.",
    ),
    "body_cut_off": Text(
        es="La subida se cortó antes de terminar. Inténtalo otra vez.",
        en="The upload was cut off before its end. Please try again.",
    ),
    "invalid_fields": Text(es="Hay campos por corregir.", en="Some fields need correction."),
    "not_authenticated": Text(
        es="Inicia sesión: falta un token válido o ya venció.",
        en="Please log in: a valid token is missing or has expired.",
    ),
    "bad_credentials": Text(es="Correo o contraseña incorrectos.", en="Wrong e-mail or password."),
    "email_taken": Text(
        es="Ya existe una cuenta con este correo. Inicia sesión.",
        en="An account with this e-mail exists already. Log in instead.",
    ),
    "not_your_video": Text(es="Este video es de otra persona.", en="This video belongs to somebody else."),
    "video_not_found": Text(es="No existe un video con ese identificador.", en="There is no video with this id."),
    "video_has_votes": Text(
        es="El video ya tiene votos y no se puede borrar.",
        en="The video has votes already and cannot be deleted.",
    ),
    "own_video": Text(es="No puedes votar por tu propio video.", en="You cannot vote for your own video."),
    "already_voted": Text(es="Ya votaste por este video.", en="You have voted for this video already."),
    "video_too_large": Text(
        es="El video pesa más de {max_mb} MB. Recórtalo o bájale la calidad.",
        en="The video is larger than {max_mb} MB. Trim it or lower its quality.",
    ),
    "body_too_large": Text(es="El cuerpo de la solicitud es demasiado grande.", en="The request body is too large."),
    "not_a_video": Text(
        es="El archivo no es un video: parece {looks_like}. Sube un MP4, MOV, MKV, WebM o AVI.",
        en="The file is not a video: it looks like {looks_like}. Upload an MP4, MOV, MKV, WebM or AVI.",
    ),
    "idempotency_key_reused": Text(
        es="Esa Idempotency-Key ya se usó con otro video o título.",
        en="This Idempotency-Key was used already with another video or title.",
    ),
    "no_room": Text(
        es="No hay espacio en el servidor por ahora. Inténtalo más tarde.",
        en="The server has no room right now. Please try again later.",
    ),
    "busy": Text(
        es="Hay mucha gente a la vez. Inténtalo en unos segundos.",
        en="Too many people at once. Please try again in a few seconds.",
    ),
    "media_not_found": Text(es="No existe ese archivo.", en="There is no such file."),
    "media_link_expired": Text(
        es="El enlace venció o no es válido. Pide el video de nuevo.",
        en="The link has expired or is not valid. Ask for the video again.",
    ),
    "not_found": Text(es="No existe esa dirección.", en="There is no such address."),
    "method_not_allowed": Text(es="Ese método no se usa en esta dirección.", en="This method is not used here."),
    "range_not_satisfiable": Text(es="El rango pedido no existe.", en="The requested range does not exist."),
    "internal_error": Text(
        es="Algo falló de nuestro lado. Ya quedó registrado; inténtalo otra vez.",
        en="Something failed on our side. It has been recorded; please try again.",
    ),
}

FIELDS: dict[str, Text] = {
    "missing": Text(es="Este campo es obligatorio.", en="This field is required."),
    "empty": Text(es="Este campo no puede estar vacío.", en="This field must not be empty."),
    "too_long": Text(es="Máximo {max_length} caracteres.", en="At most {max_length} characters."),
    "too_short": Text(es="Mínimo {min_length} caracteres.", en="At least {min_length} characters."),
    "wrong_type": Text(es="El tipo de dato no es el esperado.", en="This is not the expected type."),
    "out_of_range": Text(es="El valor está fuera del rango permitido.", en="The value is out of range."),
    "not_a_choice": Text(es="Usa uno de: {choices}.", en="Use one of: {choices}."),
    "bad_characters": Text(es="Contiene caracteres no permitidos.", en="It contains characters that are not allowed."),
    "bad_email": Text(es="No es un correo válido.", en="This is not a valid e-mail address."),
    "password_too_short": Text(
        es="La contraseña necesita al menos {min_length} caracteres.",
        en="The password needs at least {min_length} characters.",
    ),
    "password_too_long": Text(
        es="La contraseña puede tener hasta {max_length} caracteres.",
        en="The password may have at most {max_length} characters.",
    ),
    "password_common": Text(
        es="Esa contraseña es muy común o fácil de adivinar. Prueba con tres o cuatro palabras.",
        en="This password is too common or easy to guess. Try three or four words.",
    ),
    "passwords_differ": Text(es="Las contraseñas no coinciden.", en="The passwords do not match."),
    "unreadable": Text(es="El valor no es válido.", en="The value is not valid."),
}

SENTENCES: dict[str, Text] = {
    "vote_counted": Text(
        es="Tu voto quedó registrado. ¡Comparte el video para que más gente vote!",
        en="Your vote was counted.",
    ),
}

# Why a video could not be published: a code of `processing/failures.py` to what its player reads.
FAILURES: dict[str, Text] = {}
