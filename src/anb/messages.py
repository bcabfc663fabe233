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
        shown = dict(params or {})
        if "looks_like" in shown:
            word = str(shown["looks_like"])
            shown["looks_like"] = KINDS[word].render(language) if word in KINDS else word
        return template.format(**shown)


def _kinds(words: str, es: str, en: str) -> dict[str, Text]:
    names = {word: word.split()[0].upper() for word in words.split(",")}
    return {word: Text(es=es.format(name), en=en.format(name)) for word, name in names.items()}


# What a file that is no video looks like: a word of `videos/sniff.py`.
KINDS: dict[str, Text] = {
    **_kinds("jpeg,png,gif,tiff,jp2,jxl,psd,ico,bmp,webp,heic,avif,svg", "una imagen ({})", "a picture ({})"),
    **_kinds("raw photo", "una foto ({})", "a photo ({})"),
    **_kinds("mp3,flac,amr,midi,caf,aiff,aac,wav,m4a,ogg audio", "un audio ({})", "sound ({})"),
    **_kinds("dv,mxf", "una grabación de cinta o de estudio ({})", "a recording of a tape or a studio ({})"),
    **_kinds("zip,rar,7z,gzip", "un archivo comprimido ({})", "an archive ({})"),
    **_kinds("pdf,rtf", "un documento ({})", "a document ({})"),
    **_kinds("script,program", "un programa", "a program"),
    **_kinds("text,xml", "un texto", "a text"),
    "html": Text(es="una página web", en="a web page"),
    "playlist": Text(es="una lista de reproducción", en="a playlist"),
    "database": Text(es="una base de datos", en="a database"),
    "empty": Text(es="un archivo vacío", en="an empty file"),
    "unknown": Text(es="algo que no conocemos", en="something that we do not know"),
}


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
    "temporarily_unavailable": Text(
        es="El servicio se está recuperando. Inténtalo otra vez en unos segundos.",
        en="The service is recovering. Please try again in a few seconds.",
    ),
    "not_your_video": Text(es="Este video es de otra persona.", en="This video belongs to somebody else."),
    "video_not_found": Text(
        es="No existe un video con ese identificador, o todavía no está publicado.",
        en="There is no video with this id, or it is not published yet.",
    ),
    "video_has_votes": Text(
        es="El video ya tiene votos y no se puede borrar. Pide a la organización que lo retire.",
        en="The video has votes already and cannot be deleted. Ask the organisers to take it down.",
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
    "too_many_unfinished": Text(
        es="Ya tienes {limit} videos en proceso o a medio subir. Cuando termine alguno, o canceles una subida, puedes "
        "subir otro.",
        en="You have {limit} videos in process or half uploaded already. When one of them is done, or you give up an "
        "upload that you began, you can upload another.",
    ),
    "too_many_bytes": Text(
        es="En 24 horas puedes subir hasta {max_mb} MB. Inténtalo mañana.",
        en="You can upload up to {max_mb} MB in 24 hours. Please try again tomorrow.",
    ),
    "too_many_requests": Text(
        es="Demasiados intentos en poco tiempo. Inténtalo de nuevo en {seconds} segundos.",
        en="Too many tries in a short time. Please try again in {seconds} seconds.",
    ),
    "upload_not_found": Text(
        es="No existe una subida con ese identificador. Empieza otra vez.",
        en="There is no upload with this id. Please begin again.",
    ),
    "upload_expired": Text(
        es="La subida venció por estar mucho tiempo sin avanzar. Empieza otra vez.",
        en="The upload expired after a long time without progress. Please begin again.",
    ),
    "upload_is_video": Text(
        es="La subida terminó y ya es un video. Bórralo entre tus videos (DELETE /api/videos/{video_id}).",
        en="The upload is complete and a video by now. Delete it among your videos (DELETE /api/videos/{video_id}).",
    ),
    "upload_busy": Text(
        es="Otra conexión está enviando este mismo video. Inténtalo en unos segundos.",
        en="Another connection is sending this same video. Please try again in a few seconds.",
    ),
    "wrong_offset": Text(
        es="La subida va por otro punto: ya se recibieron {offset} bytes.",
        en="The upload stands elsewhere: {offset} bytes have been received.",
    ),
    "longer_than_declared": Text(
        es="Llegaron más bytes de los anunciados en Upload-Length.",
        en="More bytes came than Upload-Length declares.",
    ),
    "checksum_mismatch": Text(
        es="Los bytes llegaron dañados y se descartaron. Envíalos otra vez.",
        en="The bytes arrived damaged and were discarded. Please send them again.",
    ),
    "not_offset_stream": Text(
        es="Envía los bytes con Content-Type: application/offset+octet-stream.",
        en="Send the bytes with Content-Type: application/offset+octet-stream.",
    ),
    "bad_header": Text(
        es="Falta el encabezado {header} o no es válido.", en="The header {header} is missing or not valid."
    ),
    "tus_extension": Text(
        es="Este servidor no tiene la extensión de tus que pide {header}. Las que tiene: {extensions}.",
        en="This server does not have the tus extension that {header} asks for. It has {extensions}.",
    ),
    "tus_version": Text(
        es="Este servidor habla tus {version}: envía el encabezado Tus-Resumable: {version}.",
        en="This server speaks tus {version}: send the header Tus-Resumable: {version}.",
    ),
    "media_not_found": Text(es="No existe ese archivo.", en="There is no such file."),
    "media_link_expired": Text(
        es="El enlace venció o no es válido. Pide el video de nuevo.",
        en="The link has expired or is not valid. Ask for the video again.",
    ),
    "not_found": Text(es="No existe esa dirección.", en="There is no such address."),
    "method_not_allowed": Text(es="Ese método no se usa en esta dirección.", en="This method is not used here."),
    "precondition_failed": Text(
        es="El archivo ya no es el que tienes. Pídelo entero.",
        en="The file is no longer the one that you have. Ask for it as a whole.",
    ),
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
    "not_json_object": Text(
        es="Envía un objeto JSON, con Content-Type: application/json.",
        en="Send a JSON object, with Content-Type: application/json.",
    ),
    "out_of_range": Text(
        es="Está fuera del rango: el valor permitido más cercano es {nearest}.",
        en="This is out of range: the nearest value that is allowed is {nearest}.",
    ),
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
    "only_one": Text(es="Envía un solo archivo.", en="Send one file only."),
    "unreadable": Text(es="El valor no es válido.", en="The value is not valid."),
}

SENTENCES: dict[str, Text] = {
    "vote_counted": Text(
        es="Tu voto quedó registrado. ¡Comparte el video para que más gente vote!",
        en="Your vote was counted.",
    ),
}

# Why a video could not be published: a code of `processing/failures.py` to what its player reads.
FAILURES: dict[str, Text] = {
    "not_a_video": Text(
        es="El archivo no es un video: parece {looks_like}. Sube el video original de tu teléfono.",
        en="The file is not a video: it looks like {looks_like}. Upload the original video from your phone.",
    ),
    "empty_file": Text(
        es="El archivo está vacío. Elige el video otra vez y vuelve a subirlo.",
        en="The file is empty. Choose the video again and upload it once more.",
    ),
    "no_picture": Text(
        es="El archivo solo tiene sonido. Sube un video con imagen.",
        en="The file has sound only. Upload a video with a picture.",
    ),
    "only_a_picture": Text(
        es="El archivo solo tiene una imagen fija. Sube un video en el que se te vea jugar.",
        en="The file holds only a still picture. Upload a video that shows you playing.",
    ),
    "no_frames": Text(
        es="El video no tiene ninguna imagen: seguramente no se terminó de grabar. Grábalo o expórtalo otra vez.",
        en="The video holds no frames: it was probably never finished. Record or export it again.",
    ),
    "cut_off": Text(
        es="Al video le falta una parte y no se puede abrir. Mira si se reproduce en tu teléfono y súbelo otra vez.",
        en="Part of the video is missing, so it cannot be opened. See if it plays on your phone and upload it again.",
    ),
    "damaged": Text(
        es="El video está dañado y no se puede leer. Comprueba que se reproduce en tu teléfono y súbelo otra vez.",
        en="The video is damaged and cannot be read. Check that it plays on your phone and upload it again.",
    ),
    "encrypted": Text(
        es="El video está protegido contra copia. Sube uno grabado por ti, sin protección.",
        en="The video is copy-protected. Upload one that you recorded yourself, without protection.",
    ),
    "unsupported_codec": Text(
        es="No podemos leer este tipo de video ({codec}). Expórtalo como MP4 (H.264) y súbelo otra vez.",
        en="We cannot read this kind of video ({codec}). Export it as MP4 (H.264) and upload it again.",
    ),
    "too_many_pixels": Text(
        es="El video mide {width} x {height}, más de lo que podemos procesar. Expórtalo en 4K o menos.",
        en="The video is {width} x {height}, more than we can process. Export it in 4K or less.",
    ),
    "too_short": Text(
        es="El video dura {duration_s} s y debe durar al menos {min_s} s. Graba uno más largo.",
        en="The video lasts {duration_s} s and must last at least {min_s} s. Record a longer one.",
    ),
    "too_long": Text(
        es="El video dura {duration_s} s y puede durar hasta {max_s} s. Recórtalo y súbelo otra vez.",
        en="The video lasts {duration_s} s and may last at most {max_s} s. Trim it and upload it again.",
    ),
    "too_small": Text(
        es="El video mide {width} x {height} y su lado menor debe tener {min_pixels} píxeles o más. Sube el original.",
        en="The video is {width} x {height} and its shorter side must have at least {min_pixels} pixels. "
        "Upload the original.",
    ),
    "too_many_tracks": Text(
        es="El archivo tiene demasiadas pistas. Expórtalo de nuevo con una sola pista de video y una de audio.",
        en="The file has too many tracks. Export it again with one video track and one audio track.",
    ),
    "too_heavy": Text(
        es="El video es demasiado pesado para procesarlo. Expórtalo en 1080p o menos y súbelo otra vez.",
        en="The video is too heavy to process. Export it in 1080p or less and upload it again.",
    ),
    "not_house_format": Text(
        es="No logramos convertir bien este video. Expórtalo como MP4 (H.264) y súbelo otra vez.",
        en="We could not convert this video properly. Export it as MP4 (H.264) and upload it again.",
    ),
    "took_too_long": Text(
        es="Procesar el video tardó demasiado. Sube uno más corto o en 1080p.",
        en="Processing the video took too long. Upload a shorter one, or one in 1080p.",
    ),
    "interrupted": Text(
        es="El proceso se interrumpió por un problema nuestro. Sube el video otra vez.",
        en="Processing was interrupted by a problem of ours. Upload the video again.",
    ),
    "crashed": Text(
        es="No pudimos procesar este video. Expórtalo como MP4 (H.264) y súbelo otra vez.",
        en="We could not process this video. Export it as MP4 (H.264) and upload it again.",
    ),
    "disk_full": Text(
        es="Nos quedamos sin espacio al procesar el video. Súbelo otra vez más tarde.",
        en="We ran out of space while processing the video. Upload it again later.",
    ),
    "engine_missing": Text(
        es="Por ahora no podemos procesar videos, por un problema nuestro. Sube el video otra vez más tarde.",
        en="We cannot process videos right now, for a reason of ours. Upload the video again later.",
    ),
    "source_missing": Text(
        es="No encontramos el archivo que subiste, por un problema nuestro. Súbelo otra vez.",
        en="We cannot find the file that you uploaded, for a reason of ours. Upload it again.",
    ),
    "internal": Text(
        es="Algo falló de nuestro lado al procesar el video. Súbelo otra vez.",
        en="Something failed on our side while processing the video. Upload it again.",
    ),
}

# What there is to say of a published video: a code of `processing/notices.py` to what its player reads.
NOTICES: dict[str, Text] = {
    "ends_early": Text(
        es="El archivo está cortado: publicamos lo que había. Si tu video es más largo, súbelo completo y borra este "
        "antes de que reciba votos.",
        en="The file is cut off: what there was is published. If your video is longer, upload all of it and delete "
        "this one before it gets votes.",
    ),
    "sound_left_out": Text(
        es="No pudimos leer el sonido: el video se publicó sin él. Si lo quieres, expórtalo como MP4 y súbelo.",
        en="We could not read its sound: the video is published without. To have it, export as MP4 and upload again.",
    ),
    "only_the_first": Text(
        es="El archivo junta varias grabaciones y publicamos la primera. Únelas en un MP4 y súbelo otra vez.",
        en="The file holds several recordings and the first is published. Join them into one MP4 and upload that.",
    ),
}
