"""Redaction of secrets in messages, logs and saved files.

========================================  ====================================================
text                                      secret part
========================================  ====================================================
``https://user:password@host/x``          user and password; also without ``https:`` or ``//``,
                                          and if the password contains ``@``, ``/`` or ``#``
``https://host/t/TOKEN/x``, ``/T/TOKEN``  the token, anywhere in the path of a URL
``?token=…``, ``&X-Amz-Signature=…``,     the value of every field with the name of a secret
``#access_token=…``
``Authorization: Bearer …``               the rest of the line
``{"password": "…"}``                     the value of a key with the name of a secret
========================================  ====================================================

Percent-encoded forms are found too. References to variables (``${TOKEN}``) are not secrets. Texts
are untrusted and of any size: the time is linear in their length.
"""

from __future__ import annotations

import re

from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match

MASK = "*****"
_USERS_MASK = f"{MASK}@"

_SECRET_NAME = lazy_pattern(
    r"token|secret|passw|passphrase|signature|credential|auth(?!or)|bearer|jwt|session"
    r"|(?:api|access|private)[_-]?key|^(?:sig|pwd|pass|key)$",
    re.IGNORECASE,
)
#: A variable that a shell or configuration expands, perhaps after a user name.
_VARIABLE = r"\$\{\w+\}|\$[A-Z_][A-Z0-9_]*"
_REFERENCE = lazy_pattern(rf"(?:(?:[\w.-]|{_VARIABLE})*:)?(?:{_VARIABLE})+")
_BLANKS = " \t\n\r"

#: ``//user:`` in front of a password; ``//host:8080/`` is a port.
_USER = lazy_pattern(r"""//(?!\[)[^\s/@:"'<>?\#]*:(?!\d*[/?\#"'<>,;])""")
#: The same without ``//``, at the start of a word or of a path component.
_BARE_USER = lazy_pattern(
    r"""(?:^|(?<=[\s"'`=,;(\[{<|/]))(?!(?:file|mailto):|pkg:[a-z]+/|[A-Za-z]:[\\/])
        [^\s/@:"'`<>=,;|()\[\]{}?\#]+:(?!//|\d+[/?\#"']|[a-z][a-z0-9+.-]{0,20}://)""",
    re.VERBOSE,
)
_AUTHORITY_END = lazy_pattern(r"""[\s/?\#"'<>\\]""")
_DIGEST = lazy_pattern(r"sha\d+:")
_ENCODED_USER = lazy_pattern(
    r"""(%2F%2F)((?:(?!%2F|%40)[^\s/?\#&"'<>])+)%40
        |(//)((?!\[)[^\s/@:"'<>?\#]*:(?!\d*[/?\#])[^\s/@?\#"'<>]*)%40""",
    re.IGNORECASE | re.VERBOSE,
)

#: Punctuation of a sentence after a URL.
_SENTENCE = "[:,.;)]{0,3}"
#: A token in the path of a URL. Package pools have directories like it: ``/t/tornado/tornado-6``.
TOKEN_IN_PATH = lazy_pattern(
    rf"""/(?:t|%74|%54)/(?!(t[^/\s]*)/\1)([^/\s"'<>?\#]+?)(?=[/?\#]|{_SENTENCE}(?:[\s"'<>]|$))""",
    re.IGNORECASE,
)
_ENCODED_TOKEN = lazy_pattern(
    r"""%2F(?:t|%74|%54)%2F()((?:(?!%2F|%3F|%23|%26)[^\s/?\#&"'<>])+)""", re.IGNORECASE
)
_LOOK_BACK = 512
_WORD_START = lazy_pattern(r"""[\s"'`<>=,({|]""")
_HOST = lazy_pattern(
    r"""(?:\*{5}@[^\s/@]+|[a-z0-9][\w-]*(?:\.[\w-]+)*\.[a-z]{2,}(?::\d+)?
        |[a-z0-9][\w.-]*:\d+|localhost)(?:/|$)""",
    re.IGNORECASE | re.VERBOSE,
)

_FIELD = lazy_pattern(r"""([?&;\#])([^\s"'<>?\#&;=]{1,128})=""")
_VALUE = lazy_pattern(rf"""[^\s"'<>\#&]+?(?={_SENTENCE}(?:[\s"'<>\#&]|$))""")
_ENCODED_FIELD = lazy_pattern(
    r"""((?:%3F|%26|%23)([^\s"'<>?\#&;=%]{1,128})%3D)(?:(?!%26|%23)[^\s"'<>\#&])+""", re.IGNORECASE
)
_GONE = "\0"
_GONE_FIELD = lazy_pattern(r"[&;]\0")
_GONE_FIRST = lazy_pattern(r"[?#]\0(?![&;])|(?<=[?#])\0[&;]")
_MEMBER = lazy_pattern(r"""((["'])([\w-]{1,64})\2\s{0,8}:\s{0,8}(["']))((?:(?!\4)[^\n]){1,4096})""")
_HEADER = lazy_pattern(r"""(authorization["']?\s{0,8}[:=]\s{0,8}["']?)([^\n"']+)""", re.IGNORECASE)


def redact(text: str) -> str:
    """Mask every secret in a text that will be displayed or logged."""
    return _hidden(text, MASK)


def shortened(text: str, limit: int) -> str:
    """The start of a text for a message, at most ``limit`` characters long.

    Secrets are masked first, because they cannot be detected in a truncated URL.
    """
    return redact(text)[:limit]


def without_secrets(text: str) -> str:
    """Remove every secret from a text that will be saved and used again.

    A URL stays valid for those who have the credentials from somewhere else.
    """
    return _hidden(text, "")


def is_secret_name(name: str) -> bool:
    """Whether the value of a field or key of this name is a secret."""
    return _SECRET_NAME.search(name) is not None


def _hidden(text: str, mask: str) -> str:
    if "%" in text:
        text = _without_encoded(text, mask)
    if "@" in text:
        text = _without_users(text)
    if "/t/" in text or "/T/" in text or "/%" in text:
        text = _without_tokens(text, mask)
    if not mask and _USERS_MASK in text:
        text = text.replace(_USERS_MASK, "")
    if "=" in text:
        text = _without_fields(text, mask)
    if ":" in text and ('"' in text or "'" in text):
        text = _MEMBER.sub(_masked_member, text)
    if "uthorization" in text or "UTHORIZATION" in text:
        text = _HEADER.sub(rf"\1{MASK}", text)
    return text


def _masked_member(found: Match[str]) -> str:
    return f"{found[1]}{MASK}" if is_secret_name(found[3]) else found[0]


def _without_encoded(text: str, mask: str) -> str:
    """Secrets of a percent-encoded URL that is part of another URL."""
    if "%40" in text:
        at = f"{mask}%40" if mask else ""
        text = _ENCODED_USER.sub(lambda found: f"{found[1] or found[3]}{at}", text)
    text = _ENCODED_TOKEN.sub(lambda found: _masked_token(found, mask), text)
    return _ENCODED_FIELD.sub(
        lambda found: f"{found[1]}{MASK}" if is_secret_name(found[2]) else found[0], text
    )


def _without_users(text: str) -> str:
    """Replace user and password before an ``@`` by a mask."""
    pieces: list[str] = []
    written = position = 0
    while (at := text.find("@", position)) >= 0:
        if at == position:
            position += 1
            continue
        begin = max(position, *(text.rfind(blank, position, at) + 1 for blank in _BLANKS))
        start = _user_start(text, begin, at)
        if start is not None:
            at = _last_at(text, at)
            if not _REFERENCE.fullmatch(text, start, at):
                pieces += [text[written:start], _USERS_MASK]
                written = at + 1
        position = at + 1
    return "".join([*pieces, text[written:]])


def _user_start(text: str, begin: int, at: int) -> int | None:
    """Start of the user name that ends at the ``@`` at index ``at``; None if there is none.

    ``begin`` is the start of the word that contains the ``@``.
    """
    if found := _USER.search(text, begin, at):
        return found.start() + len("//")
    if found := _BARE_USER.search(text, begin, at):
        return None if _DIGEST.match(text, at + 1) else found.start()
    slashes = text.rfind("//", begin, at)
    start = slashes + len("//")
    if slashes < 0 or start == at or _AUTHORITY_END.search(text, start, at):
        return None
    return None if text.endswith("ssh:", begin, slashes) else start  # git@ is no secret


def _last_at(text: str, at: int) -> int:
    """Index of the ``@`` that ends the password, which may contain others."""
    while (following := text.find("@", at + 1)) >= 0:
        if _AUTHORITY_END.search(text, at + 1, following):
            break
        at = following
    return at


def _without_tokens(text: str, mask: str) -> str:
    """Replace the tokens after ``/t/`` in URLs."""
    pieces: list[str] = []
    seen = 0
    is_in_url = False
    for found in TOKEN_IN_PATH.finditer(text):
        if not pieces or _WORD_START.search(text, seen, found.start()):
            is_in_url = _is_in_url(text, found.start())
        shown = _masked_token(found, mask) if is_in_url else found[0]
        pieces += [text[seen : found.start()], shown]
        seen = found.end()
    return "".join([*pieces, text[seen:]])


def _masked_token(found: Match[str], mask: str) -> str:
    if _REFERENCE.fullmatch(found[2]):
        return found[0]
    return f"{found[0][: -len(found[2])]}{mask}" if mask else ""


def _is_in_url(text: str, index: int) -> bool:
    """Whether an index of a text is in the path of a URL, not of a local file."""
    before = text[max(0, index - _LOOK_BACK) : index]
    word = _WORD_START.split(before)[-1]
    scheme, slash, _ = word.partition("//")
    if not slash:  # a URL that was normalized like a path has lost one
        scheme, slash, _ = word.partition(":/")
        scheme += ":"
    if slash and len(scheme) != len("C:"):
        return not scheme.lower().endswith("file:")
    return len(word) == _LOOK_BACK or _HOST.match(word) is not None


def _without_fields(text: str, mask: str) -> str:
    """Replace the values of fields with secret names in queries and fragments."""
    pieces: list[str] = []
    written = 0
    for found in _FIELD.finditer(text):
        if found.start() < written or not is_secret_name(found[2]):
            continue
        value = _VALUE.match(text, found.end())
        if value is not None and not _REFERENCE.fullmatch(value[0]):
            pieces += [text[written : found.start()], found[0] + mask if mask else found[1] + _GONE]
            written = value.end()
    if not pieces:
        return text
    text = "".join([*pieces, text[written:]])
    return text if mask else _GONE_FIRST.sub("", _GONE_FIELD.sub("", text))
