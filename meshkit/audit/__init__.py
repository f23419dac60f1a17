"""Audit and replay: whoever holds journals can tell what happened, and whether they are true.

Theory. A journal is a chain of entries, each with its cause and what followed; the machines that
decided them are pure. So a journal can be folded to any point (`folding`), decided again (`check`),
compared with another (`difference`), told as a story across nodes (`story`) and written out
(`export`). `verify` brings all of it together against journals that may lie, after PeerReview
(Haeberlen, Kouznetsov and Druschel, SOSP 2007): what a node said is signed, what it says it did can
be decided again, and the two must agree.

PeerReview's witnesses, who do this all the time and for each other, are left out: here whoever
wants to know gathers the journals and asks.
"""
