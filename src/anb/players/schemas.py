import uuid
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

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
    password1: str = Field(description="8 characters or more; common ones are refused")
    password2: str = Field(description="The same again")
    city: Line
    country: Line

    @model_validator(mode="after")
    def _passwords(self) -> Self:
        if self.password1 != self.password2:
            raise RefusedFieldError("passwords_differ", field="password2")
        weakness = passwords.weakness(self.password1, self.email, self.first_name, self.last_name)
        if weakness:
            limits = {"min_length": passwords.MIN_LENGTH, "max_length": passwords.MAX_LENGTH}
            raise RefusedFieldError(weakness, field="password1", **limits)
        return self


class LogIn(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"email": "ana@example.com", "password": "tres triples seguidos"}}
    )

    email: Annotated[str, StringConstraints(min_length=1, max_length=254)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=passwords.MAX_LENGTH)]


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
