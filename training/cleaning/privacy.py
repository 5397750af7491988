"""Personal data and addresses: found by form, check digit and checksum, then replaced."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from training.cleaning.normalise import tidy
from training.cleaning.records import Rewriter

_ADDRESS = r"[A-Za-z0-9\-._~:/?#@!$&'*+,;=%]"
_URL_BODY = (
    rf"(?:(?:https?|ftp)://|www\.)(?:{_ADDRESS}|\({_ADDRESS}*\))*"
    rf"(?:[A-Za-z0-9/_~#=&%\-]|\({_ADDRESS}*\))"
)
_URL = re.compile(rf"[ \t]?[(（<\[【]\s?{_URL_BODY}\s?[)）>\]】]|[ \t]?{_URL_BODY}", re.IGNORECASE)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,5}[A-Za-z]{2,24}"
)
_MESSENGERS = ("QQ", "qq", "微信", "WeChat", "Wechat", "wechat")
_MESSENGER = re.compile(
    r"((?:QQ|qq|微信|WeChat|Wechat|wechat)(?:群|号码|号|ID|id)?\s?[:：]\s?)[A-Za-z0-9_\-]{5,20}"
)
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_LONG_NUMBER = re.compile(r"\d(?:[-. ()]{0,2}\d){6}|\d\.\d{1,3}\.\d")
"""Text without this holds no number that `_NUMBER` could find; that is quick to see."""
_NUMBER = re.compile(
    r"""(?<![A-Za-z0-9_./=$¥€£+(\-])(?:
      (?P<identity>\d{17}[\dXx])
    | (?P<ip>\d{1,3}(?:\.\d{1,3}){3})
    | (?P<card>[3-6]\d{12,18}|[3-6]\d{3}([- ])\d{4}\4\d{4}\4\d{1,7}|3[47]\d\d[- ]\d{6}[- ]\d{5})
    | (?P<phone>
          (?:\+?86[- ]?)?1[3-9]\d([- ]?)\d{4}\6\d{4}       # Chinese mobile
        | (?:\+?86[- ]?)?(?:\(0\d{2,3}\)|0\d{2,3})[- ]?\d{7,8}  # Chinese landline
        | [48]00-\d{3,4}-\d{3,4}                            # Chinese service lines
        | (?:\+?1[-. ])?(?:\(\d{3}\)[ ]?|\d{3}[-. ])\d{3}[-. ]\d{4}  # North America
        | \+[1-9]\d{0,3}(?:[-. ()]{1,2}\d{1,5}){2,5}|\+[1-9]\d{7,14}  # anywhere
      )
    )(?![A-Za-z0-9_]|[-.]\d)""",
    re.VERBOSE,
)
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(kw_only=True)
class Privacy(Rewriter):
    """Replaces e-mail and IP addresses, telephone, identity-card, bank-card and messenger numbers.

    Each becomes its kind in brackets ([phone]); web addresses are taken out. `counts` tells how
    many of each kind there were.
    """

    name: ClassVar[str] = "privacy"
    urls: bool = True
    """Web addresses are taken out, too."""

    def clean(self, text: str) -> str:
        """Return the text without personal data."""
        # Taking an address out can bring the parts of a number together.
        while (replaced := self._replace(text)) != text:
            text = replaced
        return text

    def _replace(self, text: str) -> str:
        if self.urls and ("://" in text or "www." in text or "WWW." in text):
            text = tidy(_URL.sub(lambda _: self._count("url", ""), text))
        if "@" in text:
            text = _EMAIL.sub(lambda _: self._count("email", "[email]"), text)
        if any(name in text for name in _MESSENGERS):
            text = _MESSENGER.sub(
                lambda match: self._count("messenger", f"{match[1]}[messenger]"), text
            )
        if "::" in text or text.count(":") >= 7:
            text = _IPV6.sub(self._replace_ipv6, text)
        return _NUMBER.sub(self._replace_number, text) if _LONG_NUMBER.search(text) else text

    def _replace_ipv6(self, match: re.Match[str]) -> str:
        try:
            ipaddress.IPv6Address(match[0])
        except ValueError:
            return match[0]
        return self._count("ip", "[ip]") if any(map(str.isdigit, match[0])) else match[0]

    def _replace_number(self, match: re.Match[str]) -> str:
        name = match.lastgroup or ""
        kind, is_valid = _CHECKS[name]
        return self._count(kind, f"[{kind}]") if is_valid(match[0]) else match[0]

    def _count(self, kind: str, replacement: str) -> str:
        self.counts[kind] += 1
        return replacement


def _is_ip_address(number: str) -> bool:
    octets = list(map(int, number.split(".")))
    # 1.2.3.4 is more often the number of a section or a version.
    return max(octets) <= 255 and any(octet >= 10 for octet in octets)


def is_identity_card(number: str) -> bool:
    """Tell whether a Chinese identity-card number (GB 11643) has a real date and check digit."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * w for digit, w in zip(number, _IDENTITY_WEIGHTS, strict=False))
    return number[0] in "12345678" and "10X98765432"[total % 11] == number[17].upper()


def passes_luhn(number: str) -> bool:
    """Tell whether the checksum of a card number is right (ISO/IEC 7812)."""
    total = 0
    for index, digit in enumerate(reversed([int(c) for c in number if c.isdigit()])):
        total += sum(divmod(digit * (1 + index % 2), 10))
    return total % 10 == 0


_CHECKS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "identity": ("identity card", is_identity_card),
    "ip": ("ip", _is_ip_address),
    "card": ("bank card", passes_luhn),
    "phone": ("phone", lambda _: True),
}
