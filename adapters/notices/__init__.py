"""Notices to holders: an outbox that follows the log, and what sends from it by e-mail and SMS."""
