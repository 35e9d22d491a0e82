"""Sweeps: a grid of runs over night, and one page to read in the morning.

`spec` reads what is asked for, `plan` turns it into runs, `execute` has them run (on this machine
by `local`, on a cluster by `cluster`; both let `launch` start one `process` a run) once
`number_format` has settled what they compute in, `folder` keeps what came out, and `collect` and
`report` make the table and the page of it. `command` is what `simclr sweep` calls.
"""
