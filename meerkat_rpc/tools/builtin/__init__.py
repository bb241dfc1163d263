"""The tools that we bring along, off unless asked for and confined to the session's folder.

``source`` offers them. Nothing is imported here: the process that searches needs three of these modules and no more.
"""
