"""File system: every change that minicon makes to it, made durable and testable in one folder."""
