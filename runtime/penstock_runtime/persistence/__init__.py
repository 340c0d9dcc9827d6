"""The run store and the account store in SQL: one implementation for SQLite and Postgres.

Statements are written once in SQLAlchemy Core, compiled once per database, and run straight on the driver: between
two blocks of a run lie a handful of statements, and the usual path through an engine costs more than the database.
"""
