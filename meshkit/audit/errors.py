"""Why something cannot be audited or replayed at all, each said in one line for a person."""


class AuditError(Exception):
    """What was named cannot be audited; one line says why and what to do."""


class NotHere(AuditError):
    """There is no such thing among what was laid before us."""


class Unsound(AuditError):
    """The journal is none of this mesh's nodes': it cannot be replayed, but it can be audited."""


class OtherRules(AuditError):
    """The journal wants another release to decide it again."""
