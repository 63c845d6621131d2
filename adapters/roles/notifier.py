"""The notifier: facts become notices in the outbox, and those are sent by e-mail and SMS.

One process leads and follows the log; every process sends.
"""

import asyncio
import ssl
from datetime import timedelta

import psycopg
import structlog

from adapters.clock_check import CheckedClock, clock_of
from adapters.control import CLOCK_CHANNEL
from adapters.notices.aliyun import AliyunSms, Key
from adapters.notices.aliyun_templates import read_templates
from adapters.notices.email import Mailer, Relay
from adapters.notices.folder import MailFolder, SmsFolder
from adapters.notices.following import follow_notices
from adapters.notices.kinds import Channel
from adapters.notices.outbox import OUTBOX_CHANNEL
from adapters.notices.preparing import Preparing
from adapters.notices.rendering import Sender
from adapters.notices.sending import Sending, SmsTransport, Transport
from adapters.notices.sms import LoggedSms, SmsPort, TwilioSms
from adapters.roles.lead import RETRY, Connections, Work, faults_logged, lead, no_broker, stopped
from adapters.secret_files import read_secret
from adapters.settings import Settings, SettingsError
from adapters.wiring import engine_of, rules_of
from engine.store.log import FACTS_CHANNEL, Listener
from engine.store.recorder import LOCK_TIMEOUT_S
from projections.follow import BATCH

log = structlog.get_logger()

NOTIFIER = "notifier"
CHANNELS: tuple[Channel, ...] = ("email", "sms")
LOOK = timedelta(seconds=1)
"""How often a sender looks for what has become due by itself."""


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Follow and send until `stop`, without the broker."""
    del nats_url
    if not settings.tells_holders:
        raise SettingsError("there is nothing to send by: set BAOHAO_SMTP_HOST, BAOHAO_MAIL_FOLDER or BAOHAO_SMS")
    provider = sms_of_settings(settings)
    transports: dict[Channel, Transport | None] = {
        "email": mailer_of(settings),
        "sms": None if provider is None else SmsTransport(provider),
    }
    preparing = Preparing(
        engine_of(settings, database_url, NOTIFIER),
        Sender(settings.mail_from or "baohao@localhost", settings.web_url),
        frozenset(channel for channel, transport in transports.items() if transport is not None),
        rules_of(settings).policy,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_follow(settings, database_url, stop))
            for channel in CHANNELS:
                tasks.create_task(_send(settings, database_url, channel, preparing, transports[channel], stop))
    except BaseExceptionGroup as group:  # what one task cannot go on with ends the role with its own sentence
        raise group.exceptions[0] from None
    finally:
        for transport in transports.values():
            if transport is not None:
                await transport.rest()
        if provider is not None:
            await provider.close()


async def _follow(settings: Settings, database_url: str, stop: asyncio.Event) -> None:
    clock = clock_of(settings)

    async def prepare(_: Connections) -> None:
        """There is nothing to prepare."""

    async def step(connections: Connections) -> bool:
        return await asyncio.to_thread(_step, connections.database, clock)

    poll = timedelta(milliseconds=settings.poll_ms)
    await lead(Work(NOTIFIER, prepare, step, (FACTS_CHANNEL,), poll, clock, no_broker), database_url, stop)


def _step(connection: "psycopg.Connection[object]", clock: CheckedClock) -> bool:
    followed = follow_notices(connection, clock.read(connection).now, BATCH)
    if followed.added:
        log.info("notices.followed", added=followed.added, position=followed.position)
    return followed.more


async def _send(
    settings: Settings,
    database_url: str,
    channel: Channel,
    preparing: Preparing,
    transport: Transport | None,
    stop: asyncio.Event,
) -> None:
    clock = clock_of(settings)
    while not stop.is_set():
        with faults_logged(NOTIFIER), psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_TIMEOUT_S}s",))
            sending = Sending(channel, connection, preparing, transport)
            with Listener(database_url, (OUTBOX_CHANNEL, CLOCK_CHANNEL)) as listener:
                await _batches(sending, clock, listener, stop)
        await stopped(stop, RETRY)


async def _batches(sending: Sending, clock: CheckedClock, listener: Listener, stop: asyncio.Event) -> None:
    while not stop.is_set():
        control = await asyncio.to_thread(clock.read, sending.connection)
        if not await sending.step(control.now):
            await asyncio.to_thread(listener.wait, LOOK)


def mailer_of(settings: Settings) -> Mailer | MailFolder | None:
    """What hands e-mails over; None where none are sent. Raises SettingsError for a file that cannot be read."""
    if settings.mail_folder is not None:
        return MailFolder(settings.mail_folder)
    if settings.smtp_host is None or settings.mail_from is None:
        return None
    password = None if settings.smtp_password_file is None else read_secret(settings.smtp_password_file)
    relay = Relay(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_tls,
        settings.smtp_user,
        password,
        settings.mail_from,
    )
    context = None
    if settings.smtp_ca is not None:
        try:
            context = ssl.create_default_context(cafile=settings.smtp_ca)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"BAOHAO_SMTP_CA: {settings.smtp_ca} cannot be read: {error.strerror}.") from None
    return Mailer(relay, context)


def sms_of_settings(settings: Settings) -> SmsPort | None:
    """What delivers SMS; None where nothing is set."""
    match settings.sms:
        case "none":
            return None
        case "log":
            return LoggedSms() if settings.mail_folder is None else SmsFolder(settings.mail_folder)
        case "twilio":
            account, file, sender = settings.twilio_account, settings.twilio_token_file, settings.twilio_from
            if account is None or file is None or sender is None:
                raise SettingsError("BAOHAO_SMS is twilio, but its account, token or number is missing")
            return TwilioSms(settings.twilio_url, account, read_secret(file), sender, settings.web_url)
        case "aliyun":
            key, file, sign, codes = (
                settings.aliyun_key,
                settings.aliyun_secret_file,
                settings.aliyun_sign,
                settings.aliyun_templates,
            )
            if key is None or file is None or sign is None or codes is None:
                raise SettingsError("BAOHAO_SMS is aliyun, but its key, signature or templates are missing")
            return AliyunSms(settings.aliyun_url, Key(key, read_secret(file)), sign, read_templates(codes))
