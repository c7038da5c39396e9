"""A Message-ID of ours proves that who names it had the mail: so nobody else may be able to work it out."""

import hashlib

from django.test import override_settings

from firstline.notifications.channels.email.addresses import is_own, message_id

KEY = "received:17:42:email:ab12cd34"


def test_knowing_the_key_is_not_enough() -> None:
    plain = hashlib.sha256(KEY.encode()).hexdigest()[:32]
    assert plain not in message_id(KEY)
    with override_settings(SECRET_KEY="another key of another installation, as long as it has to be"):
        elsewhere = message_id(KEY)
    assert message_id(KEY) != elsewhere


def test_a_second_try_has_the_same_one_and_it_is_known_as_ours() -> None:
    assert message_id(KEY) == message_id(KEY) and is_own(message_id(KEY))
