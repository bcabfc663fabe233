import uuid
from typing import Annotated, Any, Self
from unicodedata import normalize

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from anb import text
from anb.errors import RefusedFieldError
from anb.players import emails, passwords

_LINE_MAX = 100


def _one_line(line: str) -> str:
    """Measured again when composed: NFC takes some letters apart into two or three (U+0958 is one)."""
    line = text.tidy(line)
    if not text.is_visible(line):
        raise RefusedFieldError("empty")
    if len(line) > _LINE_MAX:
        raise RefusedFieldError("too_long", max_length=_LINE_MAX)
    if text.has_bad_characters(line):
        raise RefusedFieldError("bad_characters")
    return line


def _email(address: str) -> str:
    try:
        return emails.normal_email(address)
    except ValueError:
        raise RefusedFieldError("bad_email") from None


def _composed(password: Any) -> Any:
    """Keyboards write an accent as one character or as two (NIST SP 800-63B, 5.1.1.2, asks to normalise). Before it is
    judged: what is measured, compared and hashed is one and the same text."""
    return normalize("NFC", password) if isinstance(password, str) else password


Password = Annotated[str, BeforeValidator(_composed)]
Line = Annotated[str, StringConstraints(max_length=_LINE_MAX), AfterValidator(_one_line)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)]


class SignUp(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "first_name": "Ana",
                "last_name": "Gómez",
                "email": "ana@example.com",
                "password1": "tres triples seguidos",
                "password2": "tres triples seguidos",
                "city": "Bogotá",
                "country": "Colombia",
            }
        }
    )

    first_name: Line
    last_name: Line
    email: Email
    password1: Password = Field(description="8 characters or more; common ones are refused")
    password2: Password = Field(description="The same again")
    city: Line
    country: Line

    @field_validator("password1")
    @classmethod
    def _strong(cls, password: str, info: ValidationInfo) -> str:
        personal = [info.data[name] for name in ("email", "first_name", "last_name") if name in info.data]
        if weakness := passwords.weakness(password, *personal):
            limits = {"min_length": passwords.MIN_LENGTH, "max_length": passwords.MAX_LENGTH}
            raise RefusedFieldError(weakness, **limits)
        return password

    @model_validator(mode="wrap")
    @classmethod
    def _typed_twice(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Told beside all the rest: no validator of a field sees a first password that is refused itself."""
        faults: list[Any] = []
        made = None
        try:
            made = handler(given)
        except ValidationError as error:
            faults += error.errors()
        if _differ(given):
            refused = {"error": RefusedFieldError("passwords_differ")}
            faults.append(InitErrorDetails(type="value_error", loc=("password2",), input=None, ctx=refused))
        if made is None or faults:
            raise ValidationError.from_exception_data(cls.__name__, faults)
        return made


def _differ(given: Any) -> bool:
    """Where there are two to compare."""
    typed = [_composed(given.get(name)) for name in ("password1", "password2")] if isinstance(given, dict) else []
    return all(isinstance(one, str) for one in typed) and len(set(typed)) > 1


class LogIn(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"email": "ana@example.com", "password": "tres triples seguidos"}}
    )

    email: Annotated[str, StringConstraints(min_length=1, max_length=254)]
    password: Annotated[Password, StringConstraints(min_length=1, max_length=passwords.MAX_LENGTH)]


class PlayerOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    email: str
    first_name: str
    last_name: str
    city: str
    country: str


class Token(BaseModel):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's name of the scheme
    expires_in: int = Field(description="Seconds")
