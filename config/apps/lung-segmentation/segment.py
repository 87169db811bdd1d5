"""Lungs of one CT series: a DICOM segmentation (deflated, binary) and measurements.json.

The contract of a data part: instances and study.json below MEDUSA_INPUT, results below MEDUSA_OUTPUT, result.json last.
"""
import json
import os
import sys
from pathlib import Path

import numpy as np
import pydicom

from lungs import lung_mask, measurements
from segmentation import write_segmentation
from volume import NotAVolume, read_volume


def main() -> int:
    source = Path(os.environ["MEDUSA_INPUT"])
    target = Path(os.environ["MEDUSA_OUTPUT"])
    paths = sorted(path for path in source.iterdir() if path.suffix == ".dcm")
    try:
        volume = read_volume(paths)
    except NotAVolume as problem:
        print(f"no lungs can be looked for: {problem}", file=sys.stderr)
        return 1

    mask = lung_mask(volume.hounsfield)
    measured = measurements(volume, mask)
    (target / "measurements.json").write_text(json.dumps(measured, indent=2) + "\n")
    files = [{"path": "measurements.json", "contentType": "application/json", "from": volume.file_names}]
    if np.any(mask):
        write_segmentation(target / "lungs.seg.dcm", volume, mask)
        files.append(
            {"path": "lungs.seg.dcm", "contentType": "application/dicom", "from": volume.file_names, "dicom": True}
        )
    result = {
        "format": "medusa.result/1",
        "files": files,
        "measurements": measured,
        "summary": f"{measured['lungVolumeMl']} ml of lung in {measured['slicesWithLung']} of {len(paths)} slices",
    }
    (target / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    assert pydicom.__version_info__ >= ("2", "0"), "pydicom 2 or later"
    sys.exit(main())
