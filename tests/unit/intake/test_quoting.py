"""What was written now, apart from what was quoted and signed, in the languages and programs that people use."""

import pytest

from firstline.intake.quoting import fold

ATTRIBUTIONS = {
    "English, Gmail": "On Mon, Nov 23, 2026 at 9:00 AM Help Desk <help@example.org> wrote:",
    "English, Apple": "On 23 Nov 2026, at 09:00, Help Desk <help@example.org> wrote:",
    "English, wrapped": "On Mon, Nov 23, 2026 at 9:00 AM Help Desk of the Organisation\n<help@example.org> wrote:",
    "German": "Am Mo., 23. Nov. 2026 um 09:00 Uhr schrieb Help Desk <help@example.org>:",
    "German, Thunderbird": "Am 23.11.26 um 09:00 schrieb Help Desk:",
    "French": "Le lun. 23 nov. 2026 à 09:00, Help Desk <help@example.org> a écrit :",
    "Spanish": "El lun, 23 nov 2026 a las 9:00, Help Desk (<help@example.org>) escribió:",
    "Italian": "Il giorno lun 23 nov 2026 alle ore 09:00 Help Desk <help@example.org> ha scritto:",
    "Dutch": "Op ma 23 nov 2026 om 09:00 schreef Help Desk <help@example.org>:",
    "Polish": "pon., 23 lis 2026 o 09:00 Help Desk <help@example.org> napisał(a):",
    "Portuguese": "Em seg., 23 de nov. de 2026 às 09:00, Help Desk <help@example.org> escreveu:",
    "Swedish": "Den mån 23 nov. 2026 kl 09:00 skrev Help Desk <help@example.org>:",
    "Danish": "Den man. 23. nov. 2026 kl. 09.00 skrev Help Desk <help@example.org>:",
    "Norwegian": "man. 23. nov. 2026 kl. 09:00 skrev Help Desk <help@example.org>:",
    "Finnish": "ma 23. marrask. 2026 klo 9.00 Help Desk (help@example.org) kirjoitti:",
    "Czech": "po 23. 11. 2026 v 9:00 odesílatel Help Desk <help@example.org> napsal:",
    "Slovak": "po 23. 11. 2026 o 9:00 Help Desk <help@example.org> napísal(a):",
    "Russian": "пн, 23 нояб. 2026 г. в 09:00, Help Desk <help@example.org>:",
    "Ukrainian": "пн, 23 лист. 2026 р. о 09:00 Help Desk <help@example.org> пише:",
    "Hungarian": "Help Desk <help@example.org> ezt írta (időpont: 2026. nov. 23., H, 9:00):",
    "Romanian": "În lun., 23 nov. 2026 la 09:00, Help Desk <help@example.org> a scris:",
    "Turkish": "Help Desk <help@example.org>, 23 Kas 2026 Pzt, 09:00 tarihinde şunu yazdı:",
    "Greek": "Στις Δευ 23 Νοε 2026 στις 9:00 π.μ., ο/η Help Desk <help@example.org> έγραψε:",
    "Japanese": "2026年11月23日(月) 9:00 Help Desk <help@example.org>:",
    "Chinese": "Help Desk <help@example.org> 于2026年11月23日周一 09:00写道：",
    "Korean": "2026년 11월 23일 (월) 오전 9:00, Help Desk <help@example.org>님이 작성:",
    "Hebrew": "\u202bבתאריך יום ב׳, 23 בנוב׳ 2026 ב-9:00 \u202aHelp\u202c <\u202ahelp@example.org\u202c\u200f>:\u202c",
}
OUTLOOK = {
    "English": "From: Help Desk <help@example.org>\nSent: Monday, 23 November 2026 09:00\nTo: Ann\nSubject: RE: x",
    "German": "Von: Help Desk <help@example.org>\nGesendet: Montag, 23. November 2026 09:00\nAn: Ann\nBetreff: AW: x",
    "French": "De : Help Desk\nEnvoyé : lundi 23 novembre 2026 09:00\nÀ : Ann\nObjet : RE: Imprimante",
    "Spanish": "De: Help Desk\nEnviado: lunes, 23 de noviembre de 2026 9:00\nPara: Ann\nAsunto: RE: Impresora",
    "Italian": "Da: Help Desk\nInviato: lunedì 23 novembre 2026 09:00\nA: Ann\nOggetto: R: Stampante",
    "Dutch": "Van: Help Desk\nVerzonden: maandag 23 november 2026 09:00\nAan: Ann\nOnderwerp: RE: Printer",
    "Polish": "Od: Help Desk\nWysłano: poniedziałek, 23 listopada 2026 09:00\nDo: Ann\nTemat: RE: Drukarka",
    "Swedish": "Från: Help Desk\nSkickat: den 23 november 2026 09:00\nTill: Ann\nÄmne: SV: Skrivare",
    "Finnish": "Lähettäjä: Help Desk\nLähetetty: maanantai 23. marraskuuta 2026 9.00\nVastaanottaja: Ann\nAihe: VS: x",
    "Czech": "Od: Help Desk\nOdesláno: pondělí 23. listopadu 2026 9:00\nKomu: Ann\nPředmět: RE: Tiskárna",
    "Russian": "От: Help Desk\nОтправлено: 23 ноября 2026 г. 9:00\nКому: Ann\nТема: RE: Принтер",
    "Ukrainian": "Від: Help Desk\nНадіслано: 23 листопада 2026 р. 9:00\nКому: Ann\nТема: RE: Принтер",
    "Hungarian": "Feladó: Help Desk\nElküldve: 2026. november 23. 9:00\nCímzett: Ann\nTárgy: RE: x",
    "Turkish": "Kimden: Help Desk\nGönderildi: 23 Kasım 2026 Pazartesi 09:00\nKime: Ann\nKonu: YNT: x",
    "Japanese": "差出人: Help Desk\n送信日時: 2026年11月23日 9:00\n宛先: Ann\n件名: RE: x",
    "Chinese": "发件人: Help Desk\n发送时间: 2026年11月23日 9:00\n收件人: Ann\n主题: 答复: x",
    "Korean": "보낸 사람: Help Desk\n보낸 날짜: 2026년 11월 23일 오전 9:00\n받는 사람: Ann\n제목: RE: x",
}
FOOTERS = [
    "Sent from my iPhone",
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Lähetetty iPhonesta",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "Отправлено с iPhone",
    "Надіслано з iPhone",
    "iPhoneから送信",
    "发自我的iPhone",
    "나의 iPhone에서 보냄",
    "Get Outlook for Android<https://aka.ms/x>",
    "Outlook für Android herunterladen",
    "Gesendet mit der GMX Mail App",
    "-- ",
    "—",
]


@pytest.mark.parametrize("language", ATTRIBUTIONS)
@pytest.mark.parametrize("marks", [True, False], ids=["with marks", "without"])
def test_attributions(language: str, marks: bool) -> None:
    quoted = "> Which printer?\n>\n> Help" if marks else "Which printer?\n\nHelp"
    folded = fold(f"The one in room 3.\n\n{ATTRIBUTIONS[language]}\n\n{quoted}")
    assert folded.visible == "The one in room 3."
    assert "Which printer?" in folded.rest


@pytest.mark.parametrize("language", OUTLOOK)
@pytest.mark.parametrize("rule", ["", "________________________________\n"], ids=["", "rule"])
def test_copied_headers(language: str, rule: str) -> None:
    folded = fold(f"The one in room 3.\n\n{rule}{OUTLOOK[language]}\n\nWhich printer?")
    assert folded.visible == "The one in room 3."


@pytest.mark.parametrize("footer", FOOTERS)
def test_footers(footer: str) -> None:
    folded = fold(f"The one in room 3.\n\n{footer}\nAnn Example")
    assert (folded.visible, footer.strip() in folded.rest) == ("The one in room 3.", True)


@pytest.mark.parametrize(
    "text",
    [
        "Since 23 Nov 2026 Ann wrote: nothing works",
        "From: the log\nnothing else",
        "The report says:\n\n-----\nerror 1\n-----\nerror 2",
        "Sent from my desk, as always",
        "Please look at > and < in the formula",
        "| table | of | figures |",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert fold(text).visible == text


def test_bottom_posting_and_between() -> None:
    assert fold("On 1 May 2026, Ann wrote:\n> Which one?\n\nRoom 3.").visible == "Room 3."
    folded = fold(
        "See below.\n\nOn 1 May 2026, Ann wrote:\n> Which one?\n\nRoom 3.\n\n> Since when?\n\nMonday."
    )
    assert folded.visible == "See below.\n\n> Which one?\n\nRoom 3.\n\n> Since when?\n\nMonday."


def test_a_forwarded_mail_says_what_is_in_it() -> None:
    text = "---------- Forwarded message ---------\nFrom: Bob <bob@x.example>\nDate: Mon\nSubject: Disk\n\nIt is full."
    folded = fold(text)
    assert folded.visible == "It is full." and "bob@x.example" in folded.rest
