"""A CT series as one volume of Hounsfield units, in the order of its slices."""
from dataclasses import dataclass

import numpy as np
import pydicom


class NotAVolume(Exception):
    """The files do not make one volume. The message names no patient data."""


@dataclass
class Volume:
    hounsfield: np.ndarray  # slices x rows x columns, int16
    slices: list  # data sets without pixel data, in the same order
    file_names: list
    spacing_mm: tuple  # between slices, rows, columns

    @property
    def voxel_ml(self) -> float:
        return float(np.prod(self.spacing_mm)) / 1000


def read_volume(paths) -> Volume:
    """Reads all of them; slices are ordered along their common normal (PS3.3 C.7.6.2.1.1)."""
    if len(paths) < 2:
        raise NotAVolume(f"{len(paths)} instances are no volume")
    slices = []
    for path in paths:
        data_set = pydicom.dcmread(path)
        for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "PixelData"):
            if name not in data_set:
                raise NotAVolume(f"{path.name} has no {name}")
        slices.append((path.name, data_set))
    first = slices[0][1]
    orientation = np.array(first.ImageOrientationPatient, dtype=float)
    normal = np.cross(orientation[:3], orientation[3:])
    for name, data_set in slices:
        if not np.allclose(np.array(data_set.ImageOrientationPatient, dtype=float), orientation, atol=1e-3):
            raise NotAVolume(f"{name} has another orientation than the first slice")
        if (data_set.Rows, data_set.Columns) != (first.Rows, first.Columns):
            raise NotAVolume(f"{name} has another size than the first slice")
    slices.sort(key=lambda one: float(np.dot(np.array(one[1].ImagePositionPatient, dtype=float), normal)))
    places = [float(np.dot(np.array(one.ImagePositionPatient, dtype=float), normal)) for _, one in slices]
    gaps = np.diff(places)
    if np.any(gaps <= 1e-3):
        raise NotAVolume("two slices lie at the same place")
    hounsfield = np.stack([to_hounsfield(one) for _, one in slices])
    for _, one in slices:
        del one.PixelData
    spacing = (float(np.median(gaps)), *(float(value) for value in first.PixelSpacing))
    return Volume(hounsfield, [one for _, one in slices], [name for name, _ in slices], spacing)


def to_hounsfield(data_set) -> np.ndarray:
    slope = float(data_set.get("RescaleSlope", 1))
    intercept = float(data_set.get("RescaleIntercept", 0))
    values = data_set.pixel_array.astype(np.float32) * slope + intercept
    return np.clip(values, -32768, 32767).astype(np.int16)
