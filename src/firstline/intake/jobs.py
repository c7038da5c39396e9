"""Background jobs of intake."""

from procrastinate.contrib.django import app

from firstline.core import clock
from firstline.intake import imap, subscribing


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="imap.poll", pass_context=False)
def poll_mailboxes(timestamp: int) -> None:
    """Fetch new mail from every mailbox, each minute."""
    imap.poll_all(clock.now())


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="sns.look_after", pass_context=False)
def look_after_sns(timestamp: int) -> None:
    """Confirm subscriptions of Amazon SNS, and fetch the certificates that its messages are signed with."""
    subscribing.look_after(clock.now())
