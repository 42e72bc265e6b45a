"""Mail by SMTP: an incident is a thread of mails, each saying how all of it stands.

settings   what a person chooses
readable   the blocks of a message as plain text and as HTML
letter     a message as a mail, with the headers that thread it
messenger  hands mails to a server
"""
