"""The report of a validation, for people."""

from typing import Any

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts import Listing
from ivvit.data.validation.checks import MEND
from ivvit.data.validation.overview import Videos

SHOWN = 50


def report_text(content: dict[str, Any], options: DatasetOptions, listing: Listing, videos: Videos) -> str:
    """Markdown: what was found, what is wrong, what to do."""
    counts = content["counts"]
    lines = [
        f"# {content['dataset']}",
        "",
        f"{content['classes']} classes, {counts['train']:,} training, {counts['val']:,} validation and "
        f"{counts['test']:,} test {'videos' if options.is_video else 'images'}. Digest {content['digest'][:16]}.",
        "",
        *(f"{note}." for note in listing.notes),
        *([""] if listing.notes else []),
        *(_videos(videos) if videos.frames else []),
        "## What to do",
        "",
        *_advice(content, listing),
        "",
        *_section("Warnings", content["warnings"]),
        *_section("Damaged files, left out", [f"{q['path']}: {q['reason']}" for q in content["quarantined"]]),
        *_section("Listed files that are not on disk", listing.missing),
        *_section("Files and folders of no class, left out", listing.loose),
        *_section("Ignored files", sorted(listing.ignored)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _videos(found: Videos) -> list[str]:
    common = ", ".join(f"{w}x{h} ({count:,})" for (w, h), count in found.sizes.most_common(3))
    return [
        f"{found.seconds / 3600:.2f} hours, {found.frames:,} frames, {found.shortest} to {found.longest} a video, "
        f"{found.slowest:.4g} to {found.fastest:.4g} frames a second; most common sizes: {common}.",
        "",
    ]


def _advice(content: dict[str, Any], listing: Listing) -> list[str]:
    advice = []
    no_access = sum(1 for entry in content["quarantined"] if entry.get("no_access"))
    if no_access:
        advice.append(f"- {no_access:,} files could not be read this time: {MEND}, and validate once more.")
    if no_access < len(content["quarantined"]):
        advice.append(
            "- Fetch the damaged files again, or rename them where their names are the reason, and validate once more; "
            "training goes on without them."
        )
    if any("expected" in warning for warning in content["warnings"]):
        advice.append(
            "- The counts differ from what `expect` says: complete the data, or set `expect` to what you have (`none`, "
            "or {classes, train, val, test}); `strict: true` makes this an error."
        )
    if any("contents are in both" in warning for warning in content["warnings"]):
        advice.append("- Samples are in two splits, which flatters what is measured on them: remove them from one.")
    if len(content["warnings"]) + len(content["quarantined"]) + len(listing.missing) > 0 and not advice:
        advice.append("- Look through the warnings: what they name is used, or left out, as they say.")
    return advice or ["Nothing: the data set is as expected."]


def _section(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    shown = [f"- {entry}" for entry in entries[:SHOWN]]
    more = [f"- ... and {len(entries) - SHOWN:,} more"] if len(entries) > SHOWN else []
    return [f"## {title} ({len(entries):,})", "", *shown, *more, ""]
