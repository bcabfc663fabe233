"""One mailbox, one spelling. Pure."""

from email_validator import EmailNotValidError, validate_email


def normal_email(text: str) -> str:
    """Lower case throughout: two people never share a mailbox by its case. Raises ValueError."""
    try:
        # Syntax only: whether the domain exists today must not decide who can sign up.
        checked = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    if "." not in checked.domain:
        raise ValueError("the domain has no dot")
    return checked.normalized.lower()


def account_named(text: str) -> str:
    """The account that a log-in means, also where there is none and where the text is no address at all."""
    try:
        return normal_email(text)
    except ValueError:
        return text
