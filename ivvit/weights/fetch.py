"""The rule's work: pretrained weights from their source to one verified file in timm's names, and its lock."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import Failure, UserError
from ivvit.ground.files import explained, write_bytes, write_json
from ivvit.ground.names import safe_name
from ivvit.weights.checksums import check_published, check_recorded
from ivvit.weights.download import Interrupted, Opener, Refused, download, finish, forget, open_url
from ivvit.weights.gdrive import drive_address, open_drive
from ivvit.weights.lock import FORMAT
from ivvit.weights.sources import Source, find_source

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "pretrained_weight"
_READ_ONLY = (
    "make the folder {folder} writable for you, or let somebody who may write there fetch the weights once: "
    "after that they are only read"
)


def fetch(
    name: str, *, root: Path, lock: Path, sources: dict[str, dict[str, Any]] | None = None, pause: float = 1.0
) -> None:
    """Download, verify and convert pretrained weights, then write their lock.

    The original lies under <root>/pretrained_weight/ (a file put there by hand is used without download), the
    converted file in <root>/pretrained_weight/converted/: the backbone alone, in timm's names, the same for every
    model. Equal weights give an equal lock.

    Args:
        name: a name of ivvit/weights/sources.yaml or `sources`, timm:<tag>, file:<path>, or an address.
        root: the configuration's root_path.
        lock: the JSON file to write.
        sources: the configuration's own entries, {name: {url | gdrive | timm | path, file, sha256}}.
        pause: seconds before a broken download is first tried again.

    Raises:
        UserError: whatever keeps the weights from being had; it names the file and where to put it by hand.
    """
    source = find_source(name, sources)
    file = original(source, root, pause)
    tensors, layout, left_out = _convert(source, file)
    if source.file:
        check_recorded(file, root / FOLDER)  # not before it was read: a damaged file is not to be insisted on
    converted, digest = _store(tensors, root / FOLDER / "converted", safe_name(name))
    content = {
        "name": name,
        "source": str(source),
        "sha256": digest,
        "path": converted.relative_to(root).as_posix(),
        "layout": layout,
        "left_out": left_out,
        "format": FORMAT,
    }
    if (pixels := _pixels(source, file)) is not None:
        content["pixels"] = pixels
    write_json(lock, content)


def original(source: Source, root: Path, pause: float = 1.0) -> Path:
    """The file as its source has it: where a local one lies, or under pretrained_weight/, downloaded if it is absent.

    Raises:
        UserError: whatever keeps the file from being had; it says where to put it by hand.
    """
    if source.file is None:
        path = (root if source.kind == "path" else Path()) / Path(source.location).expanduser()
        if not path.exists():
            raise UserError(f"weights {source.name!r}: {path} does not exist")
        check_published(path, source.sha256)
        return path
    target = root / FOLDER / str(source.file)
    if not target.exists():  # it comes by a rename: what is there is whole, and needs no lock in a folder of others
        with explained(target, forbidden=_READ_ONLY):
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(target.with_name(f".{target.name}.lock"), mode=0o666):
                if not target.exists():
                    _download(source, target, pause)
                    return target
    check_published(target, source.sha256)
    return target


def _download(source: Source, target: Path, pause: float) -> None:
    if source.kind == "hand":
        raise UserError(f"weights {source.name!r} have no public link: put the file at {target}")
    address, opener = _opener(source)
    part = target.with_name(f"{target.name}.part")
    try:
        download(opener, part, pause)
        _accept(part, source)
    except (Interrupted, Refused) as error:
        raise Failure(
            f"cannot download weights {source.name!r} from {address}: {error}; "
            f"get the file by other means and put it at {target}"
        ) from None
    finish(part, target)


def _accept(part: Path, source: Source) -> None:
    from ivvit.weights.read import read_state_dict

    try:
        check_published(part, source.sha256)
        read_state_dict(part)
    except UserError as error:
        forget(part)
        raise Refused(str(error)) from None


def _opener(source: Source) -> tuple[str, Opener]:
    if source.kind == "gdrive":
        return drive_address(source.location), open_drive(source.location)
    if source.kind == "timm":
        from ivvit.weights.hub import hub_address

        address, token = hub_address(source.location)
        return address, open_url(address, token)
    return source.location, open_url(source.location)


def _convert(source: Source, original: Path) -> "tuple[dict[str, Tensor], str, list[str]]":
    """Backbone tensors in timm's names, the layout they came in, and the names left out."""
    from ivvit.weights.layouts import convert
    from ivvit.weights.read import read_state_dict

    if source.kind == "timm":
        from ivvit.weights.hub import read_tag

        converted = convert(read_tag(source.location, original))
    else:
        converted = convert(read_state_dict(original))
    heads = [name for name in converted.tensors if name.startswith("heads.")]
    left_out = converted.leftover + [source for name in heads for source in converted.origin[name]]
    return {n: t for n, t in converted.tensors.items() if n not in heads}, converted.layout, sorted(left_out)


def _pixels(source: Source, original: Path) -> dict[str, Any] | None:
    """How the weights' pixels were normalised and resized: {mean, std, interpolation}; None where nothing says so."""
    if source.kind == "timm":
        from ivvit.weights.hub import pixels_of_tag

        return pixels_of_tag(source.location)
    if (own := _own_content(original)) is not None:
        return own["pixels"]
    described = original / "preprocessor_config.json"
    if not (original.is_dir() and described.is_file()):
        return None
    known = json.loads(described.read_text())
    if not (known.get("image_mean") and known.get("image_std")):
        return None
    interpolation = "bicubic" if known.get("resample") == 3 else "bilinear"  # PIL's numbers
    return {"mean": known["image_mean"], "std": known["image_std"], "interpolation": interpolation}


def _own_content(original: Path) -> dict[str, Any] | None:
    """What a model that `ivvit train` wrote says of itself; None for any other checkpoint."""
    from safetensors import SafetensorError

    from ivvit.weights.read import file_of
    from ivvit.weights.sealed import read_content

    try:
        return read_content(file_of(original))
    except SafetensorError:
        return None


def _store(tensors: "dict[str, Tensor]", folder: Path, stem: str) -> tuple[Path, str]:
    """The file's name carries its content's digest, so that no lock's file is ever overwritten."""
    import hashlib

    from safetensors.torch import save

    content = save({name: tensors[name].contiguous().clone() for name in sorted(tensors)})
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{stem}-{digest[:16]}.safetensors"
    if not path.is_file() or sha256_of(path) != digest:
        write_bytes(path, content, forbidden=_READ_ONLY)
    return path, digest
