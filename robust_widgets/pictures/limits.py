"""How much a file or a message from elsewhere may ask for. Readers check these before they allocate anything.

Each bound leaves room for everything that this package writes, and refuses what costs far more than its bytes.
"""

from __future__ import annotations

# Pictures. A model's pictures are at most 1024 pixels wide, so nothing is gained above a large photograph; phones make
# pictures of 50 megapixels. Decoded, the largest takes 192 MB.
SMALLEST_SIDE = 4
LARGEST_SIDE = 10_000
LARGEST_PIXELS = 64_000_000
# Floats take four times the memory of bytes, so squares wider than a photograph of 12 megapixels are reduced first.
LARGEST_FLOAT_SIDE = 3072


def is_too_large(width: int, height: int) -> bool:
    """Whether a picture of this size is refused."""
    return max(width, height) > LARGEST_SIDE or width * height > LARGEST_PIXELS


def sides_in_words() -> str:
    """The sizes that are taken, as the end of a sentence."""
    return f"{SMALLEST_SIDE} to {LARGEST_SIDE:,} pixels a side, and at most {LARGEST_PIXELS / 1e6:.0f} megapixels"


# Runs. A run of 61 steps of 1024-pixel pictures takes 256 MB; larger ones do not compress to a twentieth, since the
# steps of a run are full of detail.
RUN_BYTES = 256 << 20
RUN_EXPANSION = 20
LONGEST_RUN = 100_001
MOST_PICTURES = 1024
LONGEST_JSON = 4 << 20  # bytes; the numbers of 40,000 steps
LONGEST_NAME = 1000
LONGEST_KEY = 64  # of a task and of a parameter
MOST_CLASSES = 100_000


class Budget:
    """The bytes that a file may take when it is decoded.

    Args:
        total: how many.
    """

    def __init__(self, total: int) -> None:
        self._total = self._left = total

    @classmethod
    def of_run(cls, size: int) -> Budget:
        """That of a run's file of ``size`` bytes."""
        return cls(RUN_BYTES + RUN_EXPANSION * size)

    def take(self, count: int) -> None:
        """Account for some bytes that are about to be allocated.

        Raises:
            ValueError: there are not so many left.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError(f"it claims to unpack to more than {self._total / 1e6:,.0f} MB")


# Checkpoints. Models are made for pictures of up to some 600 pixels. What describes a network of a thousand tensors
# takes some hundred kilobytes, and half a second for each million bytes.
LARGEST_INPUT = 2048
MAX_HEADER = 8_000_000  # bytes of a safetensors file's header, with its card
MAX_PICKLE = 2 << 20  # bytes of the pickle in an archive, or of the pickles in an older file, written by torch.save
MAX_OPERATIONS = 250_000  # of an older file's pickles; a network of 900 tensors takes 35,000
MAX_ENTRIES = 100_000
MOST_BLOCKS = 250  # of a network's stage; the deepest published residual network, of 1,001 layers, has 111

# Archives of training pictures. Pictures hardly compress, and even uncompressed ones do not to a thirtieth.
MAX_PICTURE_BYTES = 64 << 20
MAX_HEADER_BYTES = 1 << 20
MAX_MEMBERS = 5_000_000
ARCHIVE_BYTES = 256 << 20
ARCHIVE_EXPANSION = 30


def most_unpacked(size: int, *, packed: bool) -> int:
    """Bytes that an archive of ``size`` bytes may unpack to."""
    return ARCHIVE_BYTES + ARCHIVE_EXPANSION * size if packed else size


# Messages of a page. A widget sends the points of a second, and nobody paints with more than ten fingers. A stroke in
# progress takes half a megabyte.
MAX_COORDINATE = 1e6
MAX_NUMBER = 2**53  # the largest whole number that a page can count to
MAX_POINTS = 1_500
MAX_COVERED = 30_000_000  # pixels under all segments of a message, which take a second
MAX_CORNERS = 2_000
MAX_STROKES = 16
MAX_HISTORY = 64 << 20  # bytes of changes that can be undone; a stroke takes some thousand
MAX_STROKE_POINTS = 20_000  # of a stroke in a drawing; of a longer one, every second point is left out
MAX_DRAWN = 200_000  # points of strokes that are kept for a drawing after they can no longer be undone
MAX_BRUSH_SIZE = 4096
MAX_MESSAGE_PICTURE = 10 << 20  # bytes of a file
MAX_MESSAGE_PIXELS = 4_000_000  # a page reduces what is dropped on it to 1024 pixels
MAX_TEXT_LENGTH = 200

# Pictures from the web, by an address that somebody pasted.
MAX_DOWNLOAD = 32 << 20  # bytes; a photograph of 50 megapixels takes 20
LONGEST_ADDRESS = 2000

# Messages between a notebook and a server. A request holds a picture, its mask, and pictures to continue from.
MAX_REQUEST = 8 * MAX_MESSAGE_PIXELS  # bytes
MOST_ARRAYS = 8
MOST_FEATURES = 20_000
LONGEST_DETAILS = 20_000  # characters of a traceback
MAX_ANSWER = 256 << 20  # bytes; the frame of 16 pictures of 1024 pixels takes 67 million
