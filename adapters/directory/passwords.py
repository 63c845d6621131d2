"""Passwords: which are taken (ASVS 5.0.0, 6.2), and their hashes."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from adapters.directory.answers import PasswordFault

CHARACTERS_LEAST, CHARACTERS_MOST = 8, 128
BYTES_MOST = 512
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with 19 MiB: OWASP's least for passwords; some 60 ms."""
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
"""At most two at a time: whoever sends many passwords gets no more of the machine."""
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$Ho7IVjsHEzArusy8XKMSSw$IiXBaxzTC8hB7Q4kRF63fTsVgeLeHGEeF1CDsYTjEPU"
"""A hash of the usual cost that no password has."""
_PRODUCT = ("baohao", "保号")
_CHINESE = frozenset(
    (
        *("woaini1314", "woaini520", "woaini521", "woaini123", "5201314520", "1314520520", "520131400", "woaiwojia"),
        *("aini1314", "wodemima", "mima1234", "mima123456", "zhongguo", "woshishui", "nihao123", "nihaoma123"),
        *("asd123456", "qq123456", "aa123456", "a12345678", "123456abc", "abc12345", "taobao123", "wang1234"),
        *("zhang123", "zhangwei", "wangwei123", "xiaoming", "111222333", "123123123", "11223344", "147258369"),
        *("1qaz2wsx", "1q2w3e4r", "qazwsxedc", "woaini5201314", "iloveyou1314", "beijing2008", "88888888", "66666666"),
        *("我爱你我爱你我爱你", "我的密码我的密码", "一二三四五六七八", "中华人民共和国"),
    )
)
"""What is common where the product is used and no English list has."""

_Result = TypeVar("_Result")


def password_fault(password: str, *addresses: str | None) -> PasswordFault | None:
    """Why a new password is not taken, if it is not; any characters will do, and none has to be there.

    `addresses` are those of the account: whoever guesses begins with them, and with what stands before the @.
    """
    if len(password) > BYTES_MOST:
        return "too_long"
    written = _written(password)
    if len(written) < CHARACTERS_LEAST:
        return "too_short"
    if len(written) > CHARACTERS_MOST or len(written.encode("utf-8", "surrogatepass")) > BYTES_MOST:
        return "too_long"
    plain = written.casefold()
    if any(word in plain for word in _PRODUCT):
        return "names_product"
    if any(one is not None and plain in (one.casefold(), one.casefold().partition("@")[0]) for one in addresses):
        return "own_address"
    return "common" if plain in _common() or len(set(plain)) == 1 else None


async def hashed(password: str) -> str:
    """The hash of a password that is taken; some 60 ms in a thread."""
    return await _in_thread(_HASHER.hash, _bytes(password))


async def is_right(password_hash: str | None, password: str) -> bool:
    """Whether it is the hash's password; takes as long where there is no hash."""
    return await _in_thread(_verified, password_hash or _NOBODY, _bytes(password)[:BYTES_MOST])


async def _in_thread(work: Callable[..., _Result], *args: bytes | str) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work, *args)


def _verified(password_hash: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _written(password: str) -> str:
    """The same characters are the same password, whichever keyboard composed them."""
    return unicodedata.normalize("NFC", password)


def _bytes(password: str) -> bytes:
    return _written(password[: BYTES_MOST + 1]).encode("utf-8", "surrogatepass")


@cache
def _common() -> frozenset[str]:
    """Some 11,600 of zxcvbn's list, and ours."""
    return _CHINESE | {word for word in FREQUENCY_LISTS["passwords"] if len(word) >= CHARACTERS_LEAST}
