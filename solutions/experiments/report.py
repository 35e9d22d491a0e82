# %% slug=parameters tags=["parameters"]
sweep_dir: str = "runs/sweeps/temperature"  # the folder of a sweep

# %% slug=title
import html

from IPython.display import HTML, Markdown, display

from simclr_lib.sweeps import charts, collect, tables
from simclr_lib.sweeps.folder import SweepFolder

folder = SweepFolder(sweep_dir)
plan = folder.plan()
rows = collect.rows(folder, plan)
measure = plan.plot["y"]
states = [row["state"] for row in rows]
display(HTML(f"<h1>{html.escape(plan.title)}</h1><p>{html.escape(plan.about)}</p>"))
display(
    Markdown(
        f"Runs: {len(rows)}, done: {states.count('done')}, failed: {states.count('failed')}. "
        f"Each starts from the recipe `{plan.recipe}`. Accuracies are shares of "
        f"{plan.runs[0].parameters['evaluate_on']} pictures after the last epoch. Error bars show "
        "one standard deviation over the seeds; an arm with one run has none."
    )
)

# %% [markdown] slug=about-chart
# ## What came out

# %% slug=chart
arms = collect.arms(rows, plan, measure)
chart = charts.chart(arms, plan.plot, collect.classes(folder, plan), plan.title)
display(chart if chart is not None else Markdown("No run is done yet: there is nothing to plot."))

# %% slug=arms
display(HTML(tables.arm_table(arms, measure)))
if levels := collect.levels(arms):
    told = ", ".join(f"{name} {share:.1%}" for name, share in levels.items())
    display(Markdown(f"Baselines, the same for every arm, mean over the seeds: {told}."))
if collect.own_baselines(arms):
    display(Markdown("Baselines that depend on the arm stand beside it."))

# %% [markdown] slug=about-runs
# ## Every run
#
# A click on a heading sorts the table. The same rows are in [table.csv](table.csv), beside this
# page.

# %% slug=runs
display(HTML(tables.run_table(rows)))

# %% slug=failures
if "failed" in states:
    display(Markdown("## What failed"))
    display(HTML(tables.failure_table(rows)))
    display(Markdown(f"`simclr sweep retry {folder.path}` runs these again, and no others."))

# %% slug=warnings
from simclr_lib.sweeps.folder import read

said = {}
for run in plan.runs:
    for warning in (read(folder.files(run).done) or {}).get("warnings", []):
        said.setdefault(warning, []).append(run.label)
if said:
    display(Markdown("## What the diagnostics said"))
    for warning, labels in said.items():
        display(Markdown(f"- {warning} ({'; '.join(labels)})"))

# %% [markdown] slug=about-curves
# ## Curves of every run

# %% slug=curves
curves = tables.thumbnails(folder, plan)
display(HTML(curves) if curves else Markdown("No run has left curves."))

# %% [markdown] slug=about-machine
# ## Where it ran, and what it cost

# %% slug=machine
for what, count in collect.machines(folder, plan):
    display(Markdown(f"- {count} runs: {what}"))
total = {key: sum(row.get(key, 0) for row in rows) for key in ("wall_minutes", "processor_minutes")}
starts = sum(row["starts"] for row in rows)
display(
    Markdown(
        f"Together {total['wall_minutes']:.1f} minutes of runs, and "
        f"{total['processor_minutes']:.1f} core-minutes of processor time; {starts} starts for "
        f"{len(rows)} runs. Time that killed starts had spent is not counted."
    )
)
