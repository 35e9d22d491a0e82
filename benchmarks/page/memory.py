"""How much memory steps and losses take, and what chunks do to the gradient."""

from page.tables import read


def memory_rows(measured):
    """Rows of `memory.csv`: `"step"`, `"loss"`, `"gradient"` or `"normalised"`."""
    return [row for row in read("memory") if row["measured"] == measured]


def memory_table():
    """What steps and losses took above what was there before."""
    rows = memory_rows("step") + memory_rows("loss")
    names = ("batch", "in the encoder at a time", "rows of similarities at a time")
    lines = [f"| | backend | {' | '.join(names)} | memory | time |", f"|{' --- |' * 7}"]
    what = {"step": "two training steps, `classroom`", "loss": "NT-Xent, gradient, accuracy"}
    for row in rows:
        chunk, blocks = row["gradient_cache_chunk"], row["loss_block_rows"]
        chunk = (chunk or "all") if row["measured"] == "step" else ""
        cells = (what[row["measured"]], row["backend"], row["batch_size"], chunk, blocks or "all")
        memory = f"{int(row['megabytes']):,} MB"
        lines.append(f"| {' | '.join(cells)} | {memory} | {row['seconds']} s |")
    return "\n".join(lines)


def memory_bars():
    """What the cache has to keep to: the memory of a small batch, and the gradient of a whole."""
    steps = {(row["backend"], row["batch_size"]): row for row in memory_rows("step")}
    lines = ["| | backend | found | wanted | |", "| --- | --- | --- | --- | --- |"]

    def add(what, backend, value, limit, unit=""):
        reached = "reached" if value <= limit else "**missed**"
        lines.append(f"| {what} | {backend} | {value:.2g} {unit}| ≤ {limit} {unit}| {reached} |")

    for (backend, batch), row in steps.items():
        small = steps.get((backend, "256"))
        if batch == "4096" and small:
            ratio = int(row["megabytes"]) / int(small["megabytes"])
            add("memory of a cached step: batch 4,096 ÷ batch 256", backend, ratio, 1.3, "× ")
    for row in memory_rows("gradient"):
        batch, chunk = int(row["batch_size"]), row["gradient_cache_chunk"]
        what = f"cached gradient, {batch:,} pictures in chunks of {chunk}: difference from direct"
        add(what, row["backend"], float(row["difference"]), 1e-4)
    return "\n".join(lines) if len(lines) > 2 else ""


def chunks_table():
    """How far chunks move the gradient where BatchNorm normalises by chunks."""
    rows = memory_rows("normalised")
    if not rows:
        return "Not measured yet."
    lines = [
        "| pictures in a chunk, of 256 | backend | difference ÷ gradient |",
        f"|{' --- |' * 3}",
    ]
    for row in rows:
        chunk, difference = row["gradient_cache_chunk"], float(row["difference"])
        lines.append(f"| {chunk} | {row['backend']} | {difference:.1%} |")
    return "\n".join(lines)
