"""`report`: the week in figures, on demand and every week.

gathering  the figures of a week out of the store
forms      the same as Markdown, HTML, JSON or the blocks of a message
on_demand  a week, whenever somebody asks for it
weekly     the report that the daemon tells once a week
"""
