"""Why a file was not read: a code for programs, a sentence for people."""

from typing import Literal

from engine.errors import DocumentError

Code = Literal[
    "cancelled",
    "crashed",
    "damaged",
    "empty",
    "encrypted",
    "garbled",
    "memory_limit",
    "no_text",
    "not_a_file",
    "old_office",
    "time_limit",
    "too_large",
    "unknown_kind",
    "unreadable",
]


def failure(code: Code, detail: str = "") -> DocumentError:
    """Return the error for a code; `detail` is what the system said of an unreadable file."""
    match code:
        case "cancelled":
            return DocumentError("Reading was cancelled.", code=code)
        case "crashed":
            return DocumentError(
                "Reading the file failed in an unexpected way; it may be damaged.", code=code
            )
        case "damaged":
            return DocumentError("The file is damaged or incomplete.", code=code)
        case "empty":
            return DocumentError("The file is empty.", code=code)
        case "encrypted":
            return DocumentError("The file is protected with a password.", code=code)
        case "garbled":
            return DocumentError(
                "The file does not say which characters it shows, so its text cannot be read.",
                code=code,
            )
        case "memory_limit":
            return DocumentError("The file needs more memory than a document may.", code=code)
        case "no_text":
            return DocumentError(
                "The file holds no text, only pictures; it is probably a scan.", code=code
            )
        case "not_a_file":
            return DocumentError("This is not a regular file.", code=code)
        case "old_office":
            return DocumentError(
                "Files of this older kind cannot be read; save it as .docx, .pptx or .xlsx.",
                code=code,
            )
        case "time_limit":
            return DocumentError("Reading the file takes too long.", code=code)
        case "too_large":
            return DocumentError("The file is larger than a document may be.", code=code)
        case "unknown_kind":
            return DocumentError("Files of this kind cannot be read.", code=code)
        case "unreadable":
            return DocumentError("The file cannot be read: {detail}.", code=code, detail=detail)
