"""Every stage of cleaning: what goes in, what comes out, and that a second time changes nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import ModelConfig
from engine.errors import DataError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.cleaning.conversations import Pairs, Turns
from training.cleaning.encoding import Encoding
from training.cleaning.garbled import Garbled
from training.cleaning.keywords import Keywords
from training.cleaning.length import Length
from training.cleaning.markup import Markup
from training.cleaning.ngram_model import NgramModel
from training.cleaning.normalise import Normalise, normalise
from training.cleaning.paragraphs import Paragraphs
from training.cleaning.perplexity import Perplexity
from training.cleaning.privacy import Privacy
from training.cleaning.punctuation import Punctuation
from training.cleaning.records import Filter, Rewriter
from training.cleaning.repeats import Repeats
from training.cleaning.unwrap import Unwrap
from training.cleaning.words import Words
from training.model import GEB

CORPUS = Path(__file__).parent.parent / "data/corpus"
REWRITERS: list[Rewriter] = [
    *(Encoding(), Normalise(), Markup(), Privacy(), Garbled(), Unwrap(), Repeats()),
    *(Punctuation(), Paragraphs(), Words()),
]
FILTERS: list[Filter] = [Keywords(), Perplexity(), Length()]
DEBRIS = [
    *("<b>", "</b>", "<script>", "</script>", "<!--", "-->", "&lt;", "&amp;", "&nbsp;", "{{", "}}"),
    *(
        "[[",
        "]]",
        "'''",
        "**",
        "](",
        "[",
        "]",
        "(",
        ")",
        "==",
        "#",
        "{|",
        "|}",
        "[1]",
        "var x = 1;",
    ),
    *(
        ".a { color: red; }",
        "https://a.example/b",
        "www.x.com",
        "a@b.cc",
        "13812345678",
        "+86",
        "-",
    ),
    *("4111 1111 1111 1111", "11010519491231002X", "192.168.0.1", "2001:db8::1", "QQ：12345678"),
    *("Ã", "©", "â€™", "\ufffd", "\u200b", "\u0301", "\xa0", "锟斤拷", "ÖÐ¹úÈËÃñ¹²ºÍ¹ú", "━" * 30),
    *(" ", "\n", "\n\n", "\t", "a", "。", "！", ".", "?", "”", '"', "…", "* ", "1. ", "第一条"),
    *("Hello world, this is a sentence. ", "这是一个完整的句子。", "free shipping", "版权所有"),
]
any_text = st.text(st.characters(exclude_categories=()))
messy_text = st.lists(st.sampled_from(DEBRIS) | st.text(max_size=5), max_size=30).map("".join)


def _lines(count: int, sentence: str) -> str:
    return "\n\n".join(sentence.format(i) for i in range(count))


def _corpus(language: str) -> list[str]:
    lines = (CORPUS / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


@pytest.mark.parametrize("stage", REWRITERS, ids=lambda stage: stage.name)
@given(text=messy_text | any_text)
@settings(max_examples=60)
def test_cleaning_twice_is_cleaning_once(stage: Rewriter, text: str) -> None:
    once = stage.clean(text)
    assert once is None or stage.clean(once) == once


@pytest.mark.parametrize("stage", FILTERS, ids=lambda stage: stage.name)
@given(text=messy_text | any_text)
@settings(max_examples=30)
def test_filters_judge_any_text(stage: Filter, text: str) -> None:
    record = {"text": text}
    assert stage(record) in (record, None)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_good_prose_is_not_touched(language: str) -> None:
    gentle = [Encoding(), Normalise(), Markup(), Privacy(), Garbled(), Words()]
    for text in map(normalise, _corpus(language)):
        for stage in gentle:
            assert stage.clean(text) == text, stage.name
        for judge in FILTERS:
            assert judge.keeps(text), judge.name


@given(any_text)
def test_normal_text_has_no_control_characters(text: str) -> None:
    clean = Normalise().clean(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in clean)
    assert "\n\n\n" not in clean
    assert clean == clean.strip()


@pytest.mark.parametrize(
    ("damaged", "whole"),
    [
        ("It wasnâ€™t me, said RenÃ©.", "It wasn’t me, said René."),
        ("ä½\xa0å¥½ï¼Œä¸–ç•Œã€‚", "你好，世界。"),
        ("smile ðŸ˜€", "smile 😀"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("café’” and «CAFÉ» stay", "café’” and «CAFÉ» stay"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_text_decoded_with_the_wrong_table_is_repaired(damaged: str, whole: str) -> None:
    assert Encoding().clean(damaged) == whole


def test_a_page_becomes_its_text() -> None:
    page = """<!DOCTYPE html><html><head><title>Tea</title><style>p {color: red}</style>
<script>var x = "<p>";</script></head><body><!-- menu --><h1>Green tea</h1>
<p>Tom &amp; Jerry drink <b>green</b> tea.<br>It is 3 &lt; 4.</p>
<a href="/x">More</a></body></html>"""
    clean = Markup().clean(page)
    assert clean == "Tea\n\nGreen tea\n\nTom & Jerry drink green tea.\nIt is 3 < 4.\n\nMore"


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("'''巴黎'''是[[法国|法兰西]]的首都{{cite|url={{x}}}}。[1][2]", "巴黎是法兰西的首都。"),
        ("== 历史 ==\n[[File:a.jpg|thumb|图]]正文[编辑]", "历史\n正文"),
        (
            "## Title\nThis is **bold** and [a link](http://x.org).",
            "Title\nThis is bold and a link.",
        ),
        (".menu li a {\n  float: left;\n}\n正文在这里。", "正文在这里。"),
        ("Text.\nvar _hmt = _hmt || [];\n$(function() {\n});", "Text."),
        ("if a < b and c > d: List<String> x[3] = 2**3**1", None),
        ("He said it; she left. f(x) = {1, 2}", None),
        ("*重要* 的 a[3]，见 fn(3, [4])", None),
    ],
)
def test_marks_are_stripped_and_mathematics_is_not(marked: str, plain: str | None) -> None:
    assert Markup().clean(marked) == (marked if plain is None else plain)


def test_a_post_keeps_the_code_that_it_quotes() -> None:
    post = "<p>Use <code>a[1]</code>:</p><pre># loop\nif (x &lt; 3) {\n  return;\n}</pre>"
    assert Markup(html_only=True).clean(post) == "Use a[1]:\n\n# loop\nif (x < 3) {\n  return;\n}"


@pytest.mark.parametrize(
    ("line", "readable"),
    [
        ("这一行有丢失的字\ufffd\ufffd。", False),
        ("锟斤拷锟斤拷的内容", False),
        ("中文文本在错误的编码下看起来就是这样的".encode().decode("gbk", "ignore"), False),
        ("中华人民共和国的首都是北京".encode("gbk").decode("latin-1"), False),
        ("┌──────────────────┐│  ★★★  │└──────────────────┘", False),
        ("髑髅深蹙曰：吾安能弃南面王乐，而复为人间之劳乎？", True),
        ("布鲁诺·杜蒙是法国导演——“他”的电影《人性》……", True),
        ("Ça va très bien, élève à l'école supérieure.", True),
        ("繁體中文的維基百科條目，內容與簡體相同。", True),
    ],
)
def test_unreadable_lines_go(line: str, readable: bool) -> None:
    prose = "A line of prose that stays. " * 5
    clean = Garbled().clean(f"{prose}\n{line}\n{prose}")
    assert clean is not None
    assert (line in clean) == readable


def test_a_text_that_is_mostly_unreadable_is_refused() -> None:
    assert Garbled().clean("好的。\n\n" + "\ufffd" * 40) is None
    answer = {"messages": [{"role": "assistant", "content": "Fine.\n\ufffd"}]}
    assert Garbled(removed=0.0)(answer) is None


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("写信给 li.lei+x@mail.example.cn。", "写信给 [email]。"),
        ("电话13812345678转3", "电话[phone]转3"),
        ("+86 138-1234-5678，010-12345678", "[phone]，[phone]"),
        ("Call (555) 123-4567 or +1 555.123.4567.", "Call [phone] or [phone]."),
        ("+44 20 7946 0958", "[phone]"),
        ("身份证11010519491231002X号", "身份证[identity card]号"),
        ("卡号 4111 1111 1111 1111", "卡号 [bank card]"),
        ("server 192.168.1.1:80 and 2001:db8::1", "server [ip]:80 and [ip]"),
        ("QQ：123456789 微信号: abc_12345", "QQ：[messenger] 微信号: [messenger]"),
        ("See https://a.example/b_(c)?d=1, and www.x.org.", "See, and."),
        ("文档（https://a.example/）在此。", "文档在此。"),
    ],
)
def test_personal_data_is_replaced(text: str, clean: str) -> None:
    assert Privacy().clean(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "1914-1918, 1939-1945 and 1990 1991 1992 1993",
        "π is 3.14159265358979, section 1.2.3.4 at 12:30:45",
        "ISBN 978-7-111-12345-6 costs $13812345678",
        "110105194912310021 has a wrong check digit, 4111 1111 1111 1112 too",
        "人口12345678人，std::map<a::b>",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert Privacy().clean(text) == text


def test_what_was_replaced_is_counted() -> None:
    stage = Privacy()
    stage({"prompt": [{"role": "user", "content": "a@b.cc"}], "chosen": "c@d.ee", "rejected": "no"})
    assert stage.counts == {"email": 2}


def test_hard_wrapped_lines_are_joined() -> None:
    wrapped = """It was the best of times, it was the worst of times, it was the age
of wisdom, it was the age of foolishness, it was the epoch of be-
lief, it was the epoch of incredulity, it was the season of Light.

It was the season of Darkness, it was the spring of hope, it was the
winter of despair, we had everything before us, we had nothing."""
    first, second = wrapped.replace("be-\nlief", "belief").split("\n\n")
    expected = f"{first.replace(chr(10), ' ')}\n\n{second.replace(chr(10), ' ')}"
    assert Unwrap().clean(wrapped) == expected
    chinese = """我在年青时候也曾经做过许多梦，后来大半忘却了，但自己也
并不以为可惜。所谓回忆者，虽说可以使人欢欣，有时也不免
使人寂寞，使精神的丝缕还牵着已逝的寂寞的时光，又有什么
意味呢。"""
    assert Unwrap().clean(chinese) == chinese.replace("\n", "")


@pytest.mark.parametrize(
    "text",
    [
        "两个黄鹂鸣翠柳，一行白鹭上青天。\n窗含西岭千秋雪，门泊东吴万里船。\n" * 3,
        "apples\npears\nplums\ncherries and more\nfigs",
        "- the first item of a list, which is long\n- the second item of a list, as long\n" * 3,
    ],
)
def test_verse_and_lists_keep_their_lines(text: str) -> None:
    assert Unwrap().clean(text) == text


def test_single_sentences_become_paragraphs() -> None:
    assert Paragraphs().clean("天气很好。\n\n我们去了公园。\n\n公园里人很多。") == (
        "天气很好。我们去了公园。公园里人很多。"
    )
    assert Paragraphs().clean("It was cold.\nWe went home.\nThe fire was lit.") == (
        "It was cold. We went home. The fire was lit."
    )
    assert len(Paragraphs().clean(_lines(50, "This is sentence {}.")).split("\n\n")) > 2


@pytest.mark.parametrize(
    "text",
    [
        "“你去哪里？”\n“我去学校。”\n“我也去。”",
        "第一条 为了规范，制定本法。\n第二条 本法适用于境内。",
        "A title\n\nOne sentence. Another one.\n\nA third sentence. And more.\n\nAlone.",
    ],
)
def test_speech_laws_and_real_paragraphs_stay(text: str) -> None:
    assert Paragraphs().clean(text) == text


def test_only_one_of_neighbouring_repeats_stays() -> None:
    stage = Repeats()
    assert stage.clean("本站提供最新的新闻资讯。本站提供最新的新闻资讯。欢迎。") == (
        "本站提供最新的新闻资讯。欢迎。"
    )
    assert stage.clean(
        "Please read this notice first.\n\nPlease read this notice first.\n\nHi."
    ) == ("Please read this notice first.\n\nHi.")
    assert stage.counts == {"sentences": 1, "paragraphs": 1}
    assert stage.clean("Ha ha! Ha ha! 好的！好的！") == "Ha ha! Ha ha! 好的！好的！"


def test_menus_go_and_sentences_stay() -> None:
    page = "首页\n新闻\n今天的天气很好，适合出门。我们去了公园！公园里有很多人吗？\n下一页\n"
    page += "Home | News\nShe opened the door and looked outside."
    assert Punctuation().clean(page) == (
        "今天的天气很好，适合出门。我们去了公园！公园里有很多人吗？\n"
        "She opened the door and looked outside."
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("只有一句话而已，没有别的。", "few sentences"),
        ("• One item of a list.\n• Another item of it.\n• A third item of it all.", "bullets"),
        (
            "Read more about this here...\nAnd about that as well...\nAnd so it goes on...",
            "ellipses",
        ),
    ],
)
def test_what_does_not_read_like_text_is_refused(text: str, reason: str) -> None:
    stage = Punctuation()
    assert stage.clean(text) is None
    assert stage.counts[reason] == 1


def test_advertising_is_refused_and_a_mention_is_not() -> None:
    advert = "厂家直销，量大从优，欢迎来电咨询，免费领取优惠券，立即购买，全国包邮！"
    assert Words().clean(advert) is None
    assert Words().clean("Buy now! Free shipping, best prices, order online today.") is None
    assert Words().clean("澳门新葡京娱乐城，真人娱乐百家乐老虎机，网上赌场在线投注。") is None
    story = "他站在厂家直销的牌子下面，想起了很多年前的那个下午，父亲带他去看冰块。"
    assert Words().clean(story) == story


def test_a_pages_boilerplate_lines_go() -> None:
    page = "正文的第一句话在这里。\n版权所有 © 2019 某某网\n上一篇：如何学习\nAll rights reserved."
    assert Words().clean(page) == "正文的第一句话在这里。"
    story = "In the previous page of his diary he had already explained why the garden was closed."
    assert Words().clean(story) == story


def test_keyword_stuffing_is_refused() -> None:
    stuffed = "二手车报价，二手车交易，二手车市场，北京二手车，上海二手车，二手车网，买二手车，"
    assert not Keywords().keeps(stuffed * 3)
    assert not Keywords().keeps("cheap used cars for sale, used cars online, " * 12)
    assert Keywords().keeps("哈哈哈！")


def _shuffled(text: str, pieces: list[str]) -> str:
    order = np.random.default_rng(0).permutation(len(pieces))
    joined = "" if len(pieces) == len(text) else " "
    return joined.join(pieces[i] for i in order)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_shuffled_text_is_told_from_text(language: str) -> None:
    """On excerpts of 300 words, or 300 characters: all of the one kept, none of the other."""
    model = Perplexity()
    for text in _corpus(language):
        pieces = (text.split() if language == "en" else list(text))[:300]
        excerpt = (" " if language == "en" else "").join(pieces)
        assert model.keeps(excerpt)
        assert not model.keeps(_shuffled(excerpt, pieces))


def test_noise_is_refused() -> None:
    generator = np.random.default_rng(0)
    letters = "".join(generator.choice(list("abcdefghijklmnopqrstuvwxyz "), 900))
    characters = "".join(map(chr, generator.integers(0x4E00, 0x9000, 300)))
    stage = Perplexity()
    assert not stage.keeps(letters)
    assert not stage.keeps(characters)
    assert stage.counts == {"unexpected": 2}


def test_a_trained_model_knows_its_own_text_better(tmp_path: Path) -> None:
    english, chinese = _corpus("en"), _corpus("zh")
    model = NgramModel.train(english * 3)
    model.save(tmp_path / "model.npz")
    loaded = NgramModel.load(tmp_path / "model.npz")
    assert loaded.surprise(english[0]) == model.surprise(english[0])
    assert loaded.surprise(english[0]).bits < loaded.surprise(chinese[0]).bits
    (tmp_path / "model.npz").write_bytes(b"no model")
    with pytest.raises(DataError, match=r"model\.npz"):
        NgramModel.load(tmp_path / "model.npz")


def test_a_checkpoint_can_judge(
    tiny_config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    checkpoint.save(
        tmp_path / "c", GEB(tiny_config), tokenizer, {}, checkpoint.Progress(1, 0, {}), []
    )
    text = _corpus("zh")[0][:100]
    untrained = {"checkpoint": str(tmp_path / "c"), "maximum_zh": 5.0}
    assert not Perplexity(**untrained).keeps(text)
    assert Perplexity(**{**untrained, "maximum_zh": 1000.0}).keeps(text)


def test_lengths_are_of_all_text() -> None:
    stage = Length(minimum=5, maximum=10)
    record = {"messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "yes"}]}
    assert stage(record) is record
    assert stage({"text": "four"}) is None
    assert stage({"text": "eleven chars"}) is None
    assert stage.counts == {"too short": 1, "too long": 1}


def test_conversations_end_with_an_answer_and_pairs_differ() -> None:
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user", "assistant")]
    assert Turns(maximum=3)({"messages": turns}) == {"messages": turns[:2]}
    assert Turns()({"messages": turns[:1]}) is None
    assert Pairs()({"prompt": [], "chosen": "a", "rejected": "a"}) is None
