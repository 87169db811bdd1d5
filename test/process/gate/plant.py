"""Writes DICOM objects with one identity in every place where hospitals put it. Usage: plant.py FOLDER. Prints the planted texts."""
import json
import sys
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

folder = Path(sys.argv[1])
ROOT = "1.2.276.0.7230010.3.20170503.114711"
#: What must not leave, by the option that retains it ('' for none).
PLANTED = {
    "": [
        "Quixote", "Dulcinea", "MRN48151623", "ACC771100", "19470611", "Benengeli", "Hamete", "Panza", "Teresa",
        "Fierabras", "5551234", "ORDER4242", "Aldonza", "Lorenzo", "Windmill Street", "WARD12C", "BEACON@manchega.example",
    ],
    "retainInstitutionIdentity": ["Toboso Infirmary", "Rocinante Road"],
    "retainDeviceIdentity": ["SN90210XYZ", "ROCIN7STATION"],
    "retainFullDates": ["20170503"],
    "retainUids": [ROOT],
    "retainPatientCharacteristics": ["063Y"],
    "retainSafePrivate": ["SAFEPRIVATE"],
}
MENTION = "Quixote Dulcinea, MRN48151623, born 19470611, seen by Dr Benengeli, call 5551234"


def uid(*numbers: int) -> str:
    return ".".join([ROOT, *map(str, numbers)])


def code(value: str, meaning: str, scheme: str = "99TOBOSO") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def people(ds: Dataset) -> None:
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Quixote^Dulcinea", "MRN48151623", "19470611", "F"
    ds.OtherPatientIDs, ds.OtherPatientNames, ds.PatientMotherBirthName = "MRN48151623\\ORDER4242", "Lorenzo^Aldonza", "Lorenzo"
    ds.PatientAddress, ds.PatientTelephoneNumbers, ds.PatientComments = "Windmill Street 7", "+49-711-5551234", MENTION
    ds.PatientAge, ds.PatientSize, ds.AdditionalPatientHistory = "063Y", "1.63", MENTION
    ds.ReferringPhysicianName, ds.OperatorsName = "Benengeli^Hamete", "Panza^Teresa"
    ds.PerformingPhysicianName, ds.NameOfPhysiciansReadingStudy = "Panza^Teresa", "Benengeli^Hamete"
    ds.RequestingPhysician, ds.PhysiciansOfRecord = "Benengeli^Hamete", "Benengeli^Hamete"
    ds.InstitutionName, ds.InstitutionAddress = "Toboso Infirmary", "Rocinante Road 1"
    ds.StationName, ds.DeviceSerialNumber = "ROCIN7STATION", "SN90210XYZ"
    ds.AccessionNumber, ds.StudyID, ds.RequestedProcedureID = "ACC771100", "ACC771100", "ORDER4242"
    ds.CurrentPatientLocation, ds.PatientState = "WARD12C", "Fierabras poisoning"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = "20170503"
    ds.StudyTime, ds.AcquisitionDateTime = "114711", "20170503114711"
    identified = Dataset()
    identified.PersonIdentificationCodeSequence = [code("ORDER4242", "Benengeli, Hamete")]
    identified.PersonTelephoneNumbers, identified.InstitutionName = "5551234", "Toboso Infirmary"
    ds.ReferringPhysicianIdentificationSequence = [identified]
    ds.add_new(0x00102155, "LT", "mailto:BEACON@manchega.example")
    other = Dataset()
    other.PatientID, other.TypeOfPatientID, other.IssuerOfPatientID = "MRN48151623", "TEXT", "WARD12C"
    ds.OtherPatientIDsSequence = [other]


def descriptions(ds: Dataset) -> None:
    ds.StudyDescription, ds.SeriesDescription = "CHEST of Quixote", "Thorax 5mm Dulcinea 19470611"
    ds.ProtocolName, ds.ImageComments, ds.DerivationDescription = "Thorax MRN48151623", MENTION, MENTION
    ds.RequestedProcedureDescription, ds.ReasonForStudy = MENTION[:60], MENTION[:60]
    ds.ContrastBolusAgent, ds.FrameComments, ds.AcquisitionComments = "Fierabras balm", MENTION, MENTION
    # Attributes of technique that no table names.
    ds.FilterType, ds.ConvolutionKernel, ds.CollimatorType = "Dulcinea", "B30f", "QUIXOTE"
    ds.PatientInsurancePlanCodeSequence = [code("P1", "Insured: Quixote")]
    request = Dataset()
    request.AccessionNumber, request.RequestedProcedureID = "ACC771100", "ORDER4242"
    request.ScheduledProcedureStepDescription, request.ReasonForTheRequestedProcedure = "For Quixote", MENTION[:60]
    deeper = Dataset()
    deeper.ReferencedSOPClassUID, deeper.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid(2, 1)
    purpose = code("121", "of Quixote")
    purpose.PatientName, purpose.TextValue = "Quixote^Dulcinea", MENTION
    deeper.PurposeOfReferenceCodeSequence = [purpose]
    request.ReferencedStudySequence = [deeper]
    ds.RequestAttributesSequence = [request]
    ds.SourceImageSequence = [deeper]
    original = Dataset()
    original.AttributeModificationDateTime, original.ModifyingSystem = "20170503114711", "ROCIN7STATION"
    modified = Dataset()
    modified.PatientName = "Quixote^Dulcinea"
    original.ModifiedAttributesSequence = [modified]
    ds.OriginalAttributesSequence = [original]
    ds.RetrieveURL = "http://manchega.example/MRN48151623"


def privates(ds: Dataset) -> None:
    block = ds.private_block(0x0011, "TOBOSO PACS", create=True)
    block.add_new(0x01, "LO", "Quixote^Dulcinea")
    block.add_new(0x02, "UN", b"MRN48151623 ")
    block.add_new(0x03, "OB", "Quixote".encode("utf-16le"))
    inner = Dataset()
    inner.PatientName = "Quixote^Dulcinea"
    inner.private_block(0x0013, "OF DULCINEA", create=True).add_new(0x01, "UT", MENTION)
    block.add_new(0x04, "SQ", Sequence([inner]))
    ds.private_block(0x0015, "Quixote Dulcinea", create=True).add_new(0x01, "DS", "1")
    safe = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    safe.add_new(0x27, "SH", "SAFEPRIVATE")
    safe.add_new(0x6F, "LO", "Quixote")  # safe by the table, and yet it mentions somebody
    safe.add_new(0x70, "LO", "Dulcinea")


def graphics(ds: Dataset) -> None:
    for element, vr, value in [
        (0x0010, "US", 8), (0x0011, "US", 8), (0x0022, "LO", "Quixote"), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1), (0x0102, "US", 0), (0x1500, "LO", "MRN48151623"), (0x3000, "OW", b"Dulcinea"), (0x4000, "LT", MENTION),
    ]:
        ds.add_new(0x60000000 + element, vr, value)
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.BitsStored, icon.HighBit = 4, 4, 8, 8, 7
    icon.SamplesPerPixel, icon.PhotometricInterpretation, icon.PixelRepresentation = 1, "MONOCHROME2", 0
    icon.PixelData = b"Quixote Dulcinea"
    icon["PixelData"].VR = "OB"
    ds.IconImageSequence = [icon]


def image(ds: Dataset) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Rows = ds.Columns = 16
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelData = bytes(range(256))
    ds["PixelData"].VR = "OB"


def base(name: str, sop_class: str, modality: str, number: int, syntax=ExplicitVRLittleEndian) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid(2, number)
    meta.TransferSyntaxUID = syntax
    meta.SourceApplicationEntityTitle = "ROCIN7STATION"
    meta.PrivateInformationCreatorUID, meta.PrivateInformation = uid(9), b"Quixote "
    preamble = b"II*\0Quixote Dulcinea MRN48151623".ljust(128, b"\0")
    ds = FileDataset(str(folder / f"{name}.dcm"), {}, file_meta=meta, preamble=preamble)
    ds.is_little_endian = syntax != ExplicitVRBigEndian
    ds.is_implicit_VR = syntax == ImplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop_class, uid(2, number), modality
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = uid(1), uid(1, 1), uid(1, 9)
    ds.Manufacturer, ds.ManufacturerModelName = "Lepanto", "Galley 1571"
    people(ds)
    return ds


CT, SR, ECG = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.9.1.1"
PDF, GSPS = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.11.1"


def save(ds: FileDataset) -> None:
    ds.save_as(ds.filename, write_like_original=True)


def ct(name: str, number: int, syntax=ExplicitVRLittleEndian, pixels: bytes = b"") -> FileDataset:
    ds = base(name, CT, "CT", number, syntax)
    for fill in (descriptions, privates, graphics, image):
        fill(ds)
    if pixels:
        ds.PixelData = encapsulate([pixels])
        ds["PixelData"].is_undefined_length = True
    ds.DataSetTrailingPadding = MENTION.encode()
    return ds


def jpeg(comment: bytes, behind: bytes = b"") -> bytes:
    """The segments of a JPEG; nobody decodes it here."""
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment if comment else b""
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\x34\xff\x00\x56" * 30
    frame = b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"
    return b"\xff\xd8" + segment + frame + scan + b"\xff\xd9" + behind


save(ct("implicit", 1, ImplicitVRLittleEndian))
save(ct("explicit", 2))
save(ct("big-endian", 3, ExplicitVRBigEndian))
save(ct("deflated", 4, DeflatedExplicitVRLittleEndian))
save(ct("jpeg", 5, JPEGBaseline8Bit, jpeg(b"")))
save(ct("jpeg-comment", 6, JPEGBaseline8Bit, jpeg(b"Patient: Quixote, Dulcinea")))
save(ct("jpeg-behind", 7, JPEGBaseline8Bit, jpeg(b"", b"MRN48151623 Quixote")))
padded = ct("pixels-behind", 8)
padded.PixelData = bytes(range(256)) + b"  Quixote^Dulcinea"
padded["PixelData"].VR = "OB"
save(padded)


def content(kind: str, name: str, **values) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.ConceptNameCodeSequence = "CONTAINS", kind, [code("121", name)]
    for key, value in values.items():
        setattr(item, key, value)
    return item


report = base("report", SR, "SR", 20)
descriptions(report)
reference = Dataset()
reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT, uid(2, 1)
nested = content("CONTAINER", "Findings of Quixote", ContinuityOfContent="SEPARATE")
nested.ContentSequence = [
    content("TEXT", "Finding", TextValue=MENTION),
    content("PNAME", "Observer", PersonName="Benengeli^Hamete"),
    content("UIDREF", "Study", UID=uid(1)),
    content("DATE", "Date of Quixote", Date="20170503"),
    content("DATETIME", "Time", DateTime="20170503114711"),
    content("IMAGE", "Image", ReferencedSOPSequence=[reference]),
    content("CODE", "Site", ConceptCodeSequence=[code("T1", "Lung of Dulcinea")]),
]
report.ValueType, report.ConceptNameCodeSequence, report.ContinuityOfContent = "CONTAINER", [code("1", "Report")], "SEPARATE"
report.ContentSequence = [nested, content("TEXT", "History", TextValue=MENTION)]
report.CompletionFlag, report.VerificationFlag = "COMPLETE", "VERIFIED"
observer = Dataset()
observer.VerifyingObserverName, observer.VerifyingOrganization = "Benengeli^Hamete", "Toboso Infirmary"
observer.VerificationDateTime, observer.VerifyingObserverIdentificationCodeSequence = "20170503114711", [code("ORDER4242", "Benengeli")]
report.VerifyingObserverSequence = [observer]
save(report)

ecg = base("waveform", ECG, "ECG", 21)
descriptions(ecg)
note = Dataset()
note.UnformattedTextValue, note.ReferencedWaveformChannels, note.AnnotationGroupNumber = MENTION, [1, 1], 1
note.ConceptNameCodeSequence = [code("1", "of Quixote")]
ecg.WaveformAnnotationSequence = [note]
wave = Dataset()
wave.NumberOfWaveformChannels, wave.NumberOfWaveformSamples, wave.SamplingFrequency = 1, 8, "500"
wave.MultiplexGroupLabel, wave.WaveformBitsAllocated, wave.WaveformSampleInterpretation = "Dulcinea", 16, "SS"
channel = Dataset()
channel.ChannelLabel, channel.ChannelSourceSequence, channel.WaveformBitsStored = "Quixote", [code("5.6.3-9-1", "Lead I")], 16
wave.ChannelDefinitionSequence = [channel]
wave.WaveformData = bytes(16)
wave["WaveformData"].VR = "OW"
ecg.WaveformSequence = [wave]
save(ecg)

state = base("presentation", GSPS, "PR", 22)
descriptions(state)
text = Dataset()
text.UnformattedTextValue, text.AnchorPoint, text.AnchorPointVisibility, text.AnchorPointAnnotationUnits = MENTION, [1, 1], "Y", "PIXEL"
annotation = Dataset()
annotation.GraphicLayer, annotation.TextObjectSequence = "QUIXOTE", [text]
state.GraphicAnnotationSequence = [annotation]
layer = Dataset()
layer.GraphicLayer, layer.GraphicLayerOrder, layer.GraphicLayerDescription = "QUIXOTE", 1, "of Quixote"
state.GraphicLayerSequence = [layer]
state.ContentLabel, state.ContentDescription, state.ContentCreatorName = "QUIXOTE", MENTION[:60], "Panza^Teresa"
state.PresentationCreationDate, state.PresentationCreationTime = "20170503", "114711"
save(state)

document = base("document", PDF, "DOC", 23)
document.DocumentTitle, document.MIMETypeOfEncapsulatedDocument = "Letter on Quixote", "application/pdf"
document.EncapsulatedDocument = b"%PDF-1.4 Quixote Dulcinea %%EOF"
save(document)

utf8 = ct("utf-8", 30)
utf8.SpecificCharacterSet = "ISO_IR 192"
utf8.PatientName, utf8.PatientComments = "Müller^Jürgen=王^小东=", "für Müller, Jürgen"
utf8.FilterType = "Müller"
utf8.ReferringPhysicianName = "Иванов^Пётр"
utf8.ConvolutionKernel = "ИВАНОВ"
save(utf8)
japanese = ct("iso-2022", 31)
japanese.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
japanese.PatientName, japanese.PatientComments = "Yamada^Tarou=山田^太郎", "山田太郎"
japanese.FilterType = "山田"
save(japanese)

print(json.dumps(PLANTED))
