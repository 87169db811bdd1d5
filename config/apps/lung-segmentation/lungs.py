"""Lungs by threshold and connectivity: air inside the body, without the airways' way out."""
import numpy as np
from scipy import ndimage

AIR_BELOW_HU = -400


def lung_mask(hounsfield: np.ndarray) -> np.ndarray:
    """True where lung is; slices x rows x columns. At most two connected parts are kept, small ones are not."""
    air = hounsfield < AIR_BELOW_HU
    inside = np.zeros_like(air)
    for index, plane in enumerate(air):
        labels, _ = ndimage.label(plane)
        border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        inside[index] = plane & ~np.isin(labels, np.unique(border))
    labels, count = ndimage.label(inside)
    if count == 0:
        return inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = np.argsort(sizes)[::-1][:2]
    kept = [label for label in largest if sizes[label] >= max(1, sizes[largest[0]] // 10)]
    mask = np.isin(labels, kept)
    # Vessels within the lung belong to it.
    return np.stack([ndimage.binary_closing(plane, iterations=3) for plane in mask])


def measurements(volume, mask: np.ndarray) -> dict:
    voxels = int(mask.sum())
    lung = volume.hounsfield[mask]
    figures = {
        "lungVolumeMl": round(voxels * volume.voxel_ml, 1),
        "slices": len(volume.slices),
        "slicesWithLung": int(mask.any(axis=(1, 2)).sum()),
        "voxelMl": round(volume.voxel_ml, 6),
    }
    if lung.size > 0:
        figures["meanHu"] = round(float(lung.mean()), 1)
        figures["hu15thPercentile"] = round(float(np.percentile(lung, 15)), 1)
        figures["emphysemaIndexPercent"] = round(float((lung < -950).mean() * 100), 2)
    return figures
