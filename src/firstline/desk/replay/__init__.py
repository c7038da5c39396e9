"""A stretch of the inbox once more, through other rules, without touching anything."""
