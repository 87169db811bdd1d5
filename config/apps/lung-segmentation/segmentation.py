"""Writes a binary DICOM segmentation (PS3.3 A.51), frames without lung left out, deflated."""
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixel_data_handlers.numpy_handler import pack_bits
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
#: What a segmentation of these images has in common with them.
COPIED = (
    "PatientName PatientID PatientBirthDate PatientSex PatientAge PatientIdentityRemoved DeidentificationMethod "
    "DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified StudyInstanceUID StudyDate StudyTime "
    "StudyID AccessionNumber ReferringPhysicianName FrameOfReferenceUID PositionReferenceIndicator"
).split()


def code(value: str, scheme: str, meaning: str) -> list:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def write_segmentation(path, volume, mask: np.ndarray) -> None:
    frames = [index for index in range(len(volume.slices)) if mask[index].any()]
    data_set = general(volume, path)
    data_set.NumberOfFrames = len(frames)
    data_set.SegmentSequence = [lung_segment()]
    data_set.SharedFunctionalGroupsSequence = [shared_groups(volume)]
    organization = derived_uid(volume.slices[0], "dimensions")
    data_set.DimensionOrganizationSequence = [Dataset()]
    data_set.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    data_set.DimensionIndexSequence = [dimension(organization)]
    data_set.PerFrameFunctionalGroupsSequence = [
        frame_groups(volume.slices[index], position + 1) for position, index in enumerate(frames)
    ]
    bits = np.concatenate([mask[index].ravel() for index in frames]).astype(np.uint8)
    packed = pack_bits(bits)
    data_set.PixelData = packed if len(packed) % 2 == 0 else packed + b"\x00"
    data_set["PixelData"].VR = "OB"
    data_set.save_as(path, write_like_original=False)


def general(volume, path) -> Dataset:
    source = volume.slices[0]
    data_set = Dataset()
    for name in COPIED:
        if name in source:
            data_set[name] = source[name]
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        if name not in data_set:
            setattr(data_set, name, "")
    for name in ("AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"):
        if name not in data_set:
            setattr(data_set, name, "")
    data_set.SOPClassUID = SEGMENTATION_STORAGE
    # The same images give the same segmentation, also when it is made again.
    data_set.SOPInstanceUID = derived_uid(source, "segmentation")
    data_set.SeriesInstanceUID = derived_uid(source, "series")
    data_set.Modality, data_set.SeriesNumber, data_set.InstanceNumber = "SEG", 9001, 1
    data_set.Manufacturer, data_set.ManufacturerModelName = "lung-segmentation", "lung-segmentation"
    data_set.DeviceSerialNumber, data_set.SoftwareVersions = "0", "1.0.0"
    data_set.ContentDate = source.get("StudyDate", "") or "19000101"
    data_set.ContentTime = source.get("StudyTime", "") or "000000"
    data_set.ContentLabel, data_set.ContentDescription, data_set.ContentCreatorName = "LUNGS", "", ""
    data_set.ImageType = ["DERIVED", "PRIMARY"]
    data_set.SegmentationType, data_set.LossyImageCompression = "BINARY", "00"
    data_set.Rows, data_set.Columns = source.Rows, source.Columns
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit, data_set.PixelRepresentation = 1, 1, 0, 0
    data_set.ReferencedSeriesSequence = [referenced_series(volume)]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SEGMENTATION_STORAGE, data_set.SOPInstanceUID
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data_set.file_meta = meta
    data_set.is_little_endian, data_set.is_implicit_VR = True, False
    return data_set


def derived_uid(source, what: str) -> str:
    return generate_uid(prefix="2.25.", entropy_srcs=["lung-segmentation 1.0.0", what, source.SeriesInstanceUID])


def referenced_series(volume) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = volume.slices[0].SeriesInstanceUID
    series.ReferencedInstanceSequence = [reference(one) for one in volume.slices]
    return series


def reference(source) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return item


def lung_segment() -> Dataset:
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "Lungs"
    segment.SegmentAlgorithmType, segment.SegmentAlgorithmName = "AUTOMATIC", "threshold and connectivity"
    segment.SegmentedPropertyCategoryCodeSequence = code("123037004", "SCT", "Anatomical Structure")
    segment.SegmentedPropertyTypeCodeSequence = code("39607008", "SCT", "Lung")
    return segment


def shared_groups(volume) -> Dataset:
    between, rows, columns = volume.spacing_mm
    measures = Dataset()
    measures.SliceThickness = f"{between:.4f}"
    measures.SpacingBetweenSlices = f"{between:.4f}"
    measures.PixelSpacing = [f"{rows:.6f}", f"{columns:.6f}"]
    orientation = Dataset()
    orientation.ImageOrientationPatient = volume.slices[0].ImageOrientationPatient
    identification = Dataset()
    identification.ReferencedSegmentNumber = 1
    groups = Dataset()
    groups.PixelMeasuresSequence = [measures]
    groups.PlaneOrientationSequence = [orientation]
    groups.SegmentIdentificationSequence = [identification]
    return groups


def dimension(organization: str) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organization
    item.DimensionIndexPointer = 0x00200032  # Image Position (Patient)
    item.FunctionalGroupPointer = 0x00209113  # Plane Position Sequence
    item.DimensionDescriptionLabel = "Slice"
    return item


def frame_groups(source, number: int) -> Dataset:
    content = Dataset()
    content.DimensionIndexValues = [number]
    position = Dataset()
    position.ImagePositionPatient = source.ImagePositionPatient
    derivation = Dataset()
    derivation.DerivationCodeSequence = code("113076", "DCM", "Segmentation")
    image = reference(source)
    image.PurposeOfReferenceCodeSequence = code("121322", "DCM", "Source image for image processing operation")
    derivation.SourceImageSequence = [image]
    groups = Dataset()
    groups.FrameContentSequence = [content]
    groups.PlanePositionSequence = [position]
    groups.DerivationImageSequence = [derivation]
    return groups
