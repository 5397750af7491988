"""Cleaning: the steps between raw records and text that a model may learn from.

Each step is a stage: a small object with a name that gives a record back, changed or not, or
None if it is left out (records.py). `stages_for` gives those of a source, in their order
(profiles.py). Two look beyond one record: `Decontamination`, made once for all sources, and
`near_duplicates`, over whole files.
"""

from training.cleaning.decontamination import Decontamination
from training.cleaning.minhash import near_duplicates
from training.cleaning.profiles import stages_for
from training.cleaning.records import Record, Stage, text_of

__all__ = ["Decontamination", "Record", "Stage", "near_duplicates", "stages_for", "text_of"]
