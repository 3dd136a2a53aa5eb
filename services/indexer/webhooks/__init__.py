"""Webhooks: events sent to the addresses of those who can't read a stream.

What a receiver can rely on, and how it checks what it gets, is in ``docs/webhooks.md``.

* :mod:`.document`: what is kept of a webhook.
* :mod:`.targets`: which addresses it may go to.
* :mod:`.signing`: how a receiver knows that it is us.
* :mod:`.sending`: one POST, and what its answer means.
* :mod:`.pace`: when the next one may be made.
* :mod:`.courier`: delivers one webhook.
* :mod:`.delivering`: looks after all couriers, beside the indexer.
"""
