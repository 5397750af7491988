"""Every setting there is. Page, checks, command and file all follow this table."""

from typing import Any, Final

from engine.api import DEFAULT_PORT
from engine.i18n import to_translate
from engine.sampling_params import BOUNDS
from engine.settings.setting import Choice, Real, Setting, Switch, Text, Value, Whole

_BY_MODEL: Final = to_translate("as the model recommends")
_MAX_SEED: Final = int(BOUNDS["seed"][1])

SCHEME: Final = Choice(
    name="scheme",
    default="system",
    page="appearance",
    label=to_translate("Colours"),
    help=to_translate("High contrast has black on white or white on black, and strong borders."),
    choices=(
        ("system", to_translate("As the system")),
        ("light", to_translate("Light")),
        ("dark", to_translate("Dark")),
        ("high-contrast-light", to_translate("High contrast, light")),
        ("high-contrast-dark", to_translate("High contrast, dark")),
    ),
)
FONT_SCALE: Final[Whole[int]] = Whole(
    name="font_scale",
    default=100,
    page="appearance",
    label=to_translate("Text size"),
    help=to_translate("Of everything in the window, beside what the system says."),
    low=80,
    high=250,
    step=10,
    unit="%",
)
LANGUAGE: Final = Choice(
    name="language",
    default="system",
    page="appearance",
    label=to_translate("Language"),
    help=to_translate("Of the window and the commands; the model answers in yours."),
    choices=(("system", to_translate("As the system")), ("zh_CN", "简体中文"), ("en", "English")),
)
TRAY: Final = Switch(
    name="tray",
    default=False,
    page="window",
    label=to_translate("Icon in the system's tray"),
    help=to_translate(
        "It offers a quick question, and closing the window leaves the application there."
    ),
)
API: Final = Switch(
    name="api",
    default=False,
    page="window",
    label=to_translate("Answer other programs on this computer"),
    help=to_translate("Over OpenAI's API, with a key; nothing outside this computer can connect."),
)
API_PORT: Final[Whole[int]] = Whole(
    name="api_port",
    default=DEFAULT_PORT,
    page="window",
    label=to_translate("Port for other programs"),
    help=to_translate("Choose another one if a program uses it already."),
    low=1024,
    high=65535,
)
MODEL: Final[Text[str | None]] = Text(
    name="model",
    default=None,
    page="answers",
    label=to_translate("Model"),
    help=to_translate("Which model answers: the name of an installed one, or its folder."),
    automatic=to_translate("the model that comes with the application"),
    per_conversation=True,
    longest=4096,
)
SYSTEM_PROMPT: Final[Text[str]] = Text(
    name="system_prompt",
    default="",
    page="answers",
    label=to_translate("System prompt"),
    help=to_translate("What the model is told before the first message."),
    per_conversation=True,
    longest=20_000,
    lines=True,
)
TEMPERATURE: Final[Real[float | None]] = Real(
    name="temperature",
    default=None,
    page="answers",
    label=to_translate("Temperature"),
    help=to_translate("Higher is livelier, lower more predictable; 0 takes the likeliest word."),
    automatic=_BY_MODEL,
    per_conversation=True,
    low=BOUNDS["temperature"][0],
    high=BOUNDS["temperature"][1],
    step=0.05,
)
TOP_P: Final[Real[float | None]] = Real(
    name="top_p",
    default=None,
    page="answers",
    label=to_translate("Top p"),
    help=to_translate("Only the likeliest words that together have this probability; 1 is all."),
    automatic=_BY_MODEL,
    per_conversation=True,
    low=BOUNDS["top_p"][0],
    high=BOUNDS["top_p"][1],
    step=0.05,
)
TOP_K: Final[Whole[int | None]] = Whole(
    name="top_k",
    default=None,
    page="answers",
    label=to_translate("Top k"),
    help=to_translate("Only so many of the likeliest words; 0 is all."),
    automatic=_BY_MODEL,
    per_conversation=True,
    low=int(BOUNDS["top_k"][0]),
    high=int(BOUNDS["top_k"][1]),
)
MIN_P: Final[Real[float | None]] = Real(
    name="min_p",
    default=None,
    page="answers",
    label=to_translate("Min p"),
    help=to_translate("Only words at least this likely, beside the likeliest one."),
    automatic=_BY_MODEL,
    per_conversation=True,
    low=BOUNDS["min_p"][0],
    high=BOUNDS["min_p"][1],
    step=0.01,
)
REPETITION_PENALTY: Final[Real[float | None]] = Real(
    name="repetition_penalty",
    default=None,
    page="answers",
    label=to_translate("Repetition penalty"),
    help=to_translate("Above 1, words that were just used become less likely."),
    automatic=_BY_MODEL,
    per_conversation=True,
    low=BOUNDS["repetition_penalty"][0],
    high=BOUNDS["repetition_penalty"][1],
    step=0.05,
)
MAX_NEW_TOKENS: Final[Whole[int | None]] = Whole(
    name="max_new_tokens",
    default=None,
    page="answers",
    label=to_translate("Longest answer"),
    help=to_translate("An answer ends after so many tokens; a Chinese word is about one."),
    automatic=_BY_MODEL,
    per_conversation=True,
    low=int(BOUNDS["max_new_tokens"][0]),
    high=int(BOUNDS["max_new_tokens"][1]),
    step=64,
    unit=to_translate("tokens"),
)
SEED: Final[Whole[int | None]] = Whole(
    name="seed",
    default=None,
    page="answers",
    label=to_translate("Seed"),
    help=to_translate("The same seed gives the same answer to the same conversation."),
    automatic=to_translate("a new one for each answer"),
    per_conversation=True,
    low=0,
    high=_MAX_SEED,
)
CONTEXT_LENGTH: Final[Whole[int | None]] = Whole(
    name="context_length",
    default=None,
    page="answers",
    label=to_translate("Context"),
    help=to_translate(
        "How much of a conversation the model can look at; a shorter one takes less memory."
    ),
    automatic=to_translate("as long as the model allows"),
    per_conversation=True,
    low=128,
    high=2_097_152,
    step=256,
    unit=to_translate("tokens"),
)
THREADS: Final[Whole[int | None]] = Whole(
    name="threads",
    default=None,
    page="answers",
    label=to_translate("Threads"),
    help=to_translate(
        "How many processor cores an answer uses; fewer leave more to other programs."
    ),
    automatic=to_translate("all cores"),
    per_conversation=True,
    low=1,
    high=256,
)

SETTINGS: Final[tuple[Setting[Value], ...]] = (
    SCHEME,
    FONT_SCALE,
    LANGUAGE,
    TRAY,
    API,
    API_PORT,
    MODEL,
    SYSTEM_PROMPT,
    TEMPERATURE,
    TOP_P,
    TOP_K,
    MIN_P,
    REPETITION_PENALTY,
    MAX_NEW_TOKENS,
    SEED,
    CONTEXT_LENGTH,
    THREADS,
)
BY_NAME: Final[dict[str, Setting[Any]]] = {setting.name: setting for setting in SETTINGS}
SAMPLING: Final = (
    TEMPERATURE,
    TOP_P,
    TOP_K,
    MIN_P,
    REPETITION_PENALTY,
    MAX_NEW_TOKENS,
    SEED,
)
"""Those that are fields of SamplingParams."""
