"""Why a run got so little: experiments that change one thing, and a checklist for any run folder.

`record` and `checklist` read a run folder's files, `examination` asks its encoder as well;
`factors` holds the experiments. Nothing is imported here, so that a wrong path is told at once.
"""
