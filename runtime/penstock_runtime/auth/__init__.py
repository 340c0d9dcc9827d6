"""Passwords, sessions, API keys, one-time codes and the audit trail, over the account store.

Concurrency: every credential is checked against the store on every request, so that a revoked one is dead on every web
server at once; nothing is cached but "there is a user". One-time codes are removed by the store in the statement that
reads them. Failed sign-ins are counted in this process only: N web servers allow N times as many.
"""
