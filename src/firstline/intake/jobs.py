"""Background jobs of intake."""

from procrastinate.contrib.django import app

from firstline.core import clock
from firstline.intake import imap


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="imap.poll", pass_context=False)
def poll_mailboxes(timestamp: int) -> None:
    """Fetch new mail from every mailbox, each minute."""
    imap.poll_all(clock.now())
