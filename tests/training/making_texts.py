"""Texts in the manner of an encyclopedia, written for these tests; what they say is invented."""

import random
from typing import Any

from training.evaluation.language import Language

_ZH = {
    "青石桥": "青石桥是位于枫林县的一座石拱桥，始建于1712年，全长86米，由陈守义主持修建。"
    "1935年，青石桥被洪水冲毁。1958年，枫林县人民政府重建了青石桥，并在桥头设立了纪念碑。"
    "由于河道逐年变宽，青石桥在1994年增加了两个桥孔。青石桥的栏杆上刻有三十六只石狮子。"
    "2006年，青石桥被枫林县人民政府公布为文物保护单位。桥边的茶馆每年接待游客约12万人。",
    "周景云": "周景云（1889年3月2日－1961年11月8日），中国植物学家，出生于白鹭洲村。"
    "1908年，周景云考入南华大学，学习农学。毕业后，他到云岭植物园任职，先后发现了14种兰花。"
    "1926年，周景云出版了《云岭兰谱》。为了保护野生兰花，周景云在1933年创办了兰花研究会。"
    "他的妻子是画家沈若溪。周景云晚年回到白鹭洲村，把藏书捐给了村里的小学。",
    "绿源公司": "绿源公司是一家食品公司，总部位于江城市，成立于1985年，简称绿源。"
    "公司最初只有9名员工，生产豆腐和豆浆。1999年，绿源公司收购了远航食品厂，开始生产饼干。"
    "2011年，绿源公司推出了《健康早餐》系列广告，销售额增长了37%。绿源公司现有员工4,200人。"
    "由于原料价格上涨，绿源公司在2015年关闭了两家工厂。公司的口号是“吃得放心”。",
    "白鹭洲湖": "白鹭洲湖位于江城市东部，面积约23平方公里，湖水最深处为18米。"
    "白鹭洲湖盛产鲫鱼、鲤鱼和河虾。1971年，江城市在湖边建立了水文站。湖中有五座小岛。"
    "每年十一月，大批白鹭飞到白鹭洲湖过冬。因为游客越来越多，江城市在2009年禁止了湖上的汽艇。"
    "湖的北岸有一座灯塔，由工程师何立群设计，于1923年建成。",
    "枫林运动会": "枫林运动会是枫林县每四年举办一次的运动会，第一届于1952年5月1日举行。"
    "第一届运动会共有320名运动员参加，比赛项目包括跑步、跳远和拔河。1964年，李长河获得长跑冠军。"
    "1988年，运动会首次设立游泳比赛。2012年，因暴雨，枫林运动会推迟了三天。"
    "第十六届运动会在南坡体育场举行，观众达到2.6万人。",
    "《雨后的码头》": "《雨后的码头》是郭晓燕创作的长篇小说，1978年由江城出版社出版。"
    "小说讲述了一位船工三十年的生活。1983年，导演高建平把它改编成电影，票房达到510万元。"
    "《雨后的码头》获得了第二届云岭文学奖。郭晓燕用了六年时间写完这部小说，手稿共1,100页。"
    "1995年，手稿被江城图书馆收藏。小说后来被翻译成英语、法语和日语。",
    # It repeats what the others say: no question of theirs is unanswerable here.
    "枫林县大事": "枫林县在1712年建成了青石桥，1935年青石桥被洪水冲毁，1958年枫林县重建了青石桥。"
    "1908年周景云考入南华大学，1926年周景云出版了《云岭兰谱》，1933年周景云创办了兰花研究会。"
    "1964年李长河获得长跑冠军，1988年枫林县设立了游泳馆。1935年，枫林县遭遇了旱灾。"
    "1985年绿源公司成立，1999年绿源公司收购了远航食品厂。1958年，枫林县修建了水库。"
    "2011年绿源公司推出了《健康早餐》系列广告，2015年关闭了两家工厂。",
}
_EN = {
    "Harbridge Lighthouse": "Harbridge Lighthouse is a stone lighthouse in the north of Fenby. "
    "It was designed by Colin Ashworth and was completed in 1823. The tower has 142 steps. "
    "In 1871 the lighthouse was damaged by a storm. It was rebuilt in 1874 by the Fenby Harbour "
    "Company. The lighthouse was closed because of the new harbour. In 1968, Doris Kershaw "
    "turned the tower into a museum. The museum receives about 31,000 visitors every year.",
    "Rosalind Ogden": "Rosalind Ogden (4 May 1851 – 19 October 1920) was an English botanist from "
    "Coldbrook. She studied at Pinmoor College. In 1882, Ogden moved to Lisbon. She discovered "
    "seven species of moss. Ogden married Stuart Hollis in 1890. She published her first book in "
    "1895. The book was translated by Nora Lindley. Ogden left the Pinmoor Society in 1911 "
    "because of a quarrel about money. She died in Tarrow.",
    "Kestrel Optics": "Kestrel Optics is a company based in Stonewick. It was founded in 1906 by "
    "Murray Thorley. The company employs 480 people. In 1938, Kestrel Optics bought Bluegate "
    "Glass. It makes lenses, telescopes and cameras. The first camera was sold in 1951. In 1979 "
    "the company opened a factory in Porto. The factory was destroyed by a fire in 1987. About "
    "62 percent of the lenses are sold in Spain.",
    "Marsh Oakley": "Marsh Oakley is a town in the valley of the river Wex. It has a population of "
    "8,412. The town was founded in 1240 by Edwin Fairhurst. In 1540 the market was moved to "
    "Upper Fenby. The town hall was built in 1688. A railway reached Marsh Oakley in 1856. The "
    "station was closed in 1964. The town has four schools. Every summer the Wexley Festival is "
    "held in Marsh Oakley, and musicians such as fiddlers, pipers and drummers play there.",
    "Paper Lanterns": "Paper Lanterns is a novel by Hazel Garside. It was published in 1932 by the "
    "Sunmere Press. The novel tells the story of a lamp maker. Garside wrote the book in eleven "
    "months. In 1947 the novel was adapted by Gordon Radford. The film was shown in 26 countries. "
    "Paper Lanterns received the Harrow Prize in 1933. The manuscript is kept in Vienna. Garside "
    "sold the rights of the novel in 1950 in order to buy a small farm.",
    "Tarrow Bridge": "Tarrow Bridge is a bridge over the river Wex. The bridge was opened on "
    "12 June 1902. It is 214 metres long. Ivor Mossop designed the bridge. In 1944 the bridge was "
    "hit by a bomb. It was repaired in 1949. About 9,300 cars cross the bridge every day. The "
    "bridge was painted green in 1975. In 2003 the city of Tarrow added a path for bicycles. "
    "The bridge consists of five steel arches.",
    # It repeats what the others say: no question of theirs is unanswerable here.
    "Fenby Chronicle": "The Fenby Chronicle is a newspaper in Fenby. In 1871 it reported that "
    "Harbridge Lighthouse was damaged by a storm. It said that the lighthouse was designed by "
    "Colin Ashworth and that Kestrel Optics was founded in 1906 by Murray Thorley. In 1938, the "
    "Fenby Chronicle wrote that Kestrel Optics bought Bluegate Glass. In 1890 it printed that "
    "Rosalind Ogden married Stuart Hollis. It wrote in 1949 that Tarrow Bridge was repaired, and "
    "in 1856 that a railway reached Marsh Oakley. In 1871 it bought a press.",
}


LANGUAGES: tuple[Language, ...] = ("zh", "en")
SEEDS = [str(seed) for seed in range(12)]


def random_from(seed: int) -> random.Random:
    """Return a generator of its own."""
    return random.Random(seed)  # noqa: S311 - sampling, not secrecy


def contents(record: dict[str, Any]) -> list[str]:
    """Return what the messages of a conversation say, question and answer by turns."""
    return [message["content"] for message in record["messages"]]


def documents(language: str) -> list[dict[str, Any]]:
    """Return the texts of a language as records, their titles above them."""
    texts = {"zh": _ZH, "en": _EN}[language]
    return [
        {"text": f"{title}\n\n{text}", "lang": language, "source": "tests"}
        for title, text in texts.items()
    ]
