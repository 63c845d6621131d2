"""The words of the hosted pages, in English and Chinese."""

from typing import Any

_EN: dict[str, Any] = {
    "lang": "en",
    "sandbox": "Baohao sandbox",
    "no_money": "This is a sandbox: no money moves, and no card number is asked for.",
    "pay": "Pay",
    "save": "Save a payment method",
    "save_button": "Save",
    "saving_explained": "The method that you choose will be saved, so that renewals can be charged to it later. "
    "Nothing is charged now.",
    "you_pay": "You pay for",
    "total": "Total",
    "choose": "Choose a test method",
    "choose_another": "Choose another one.",
    "declined": "The method was declined:",
    "cancel": "Cancel and go back",
    "expires": "This page can be used until",
    "expired": "This page has expired",
    "complete": "This is done already",
    "done": "Done; you may close this page",
    "not_found": "There is no such page",
    "back": "Go back to the shop",
    "agree": "Agree",
    "refuse": "Refuse",
    "bank_asks": "Your bank asks: is it you?",
    "wallet_asks": "{wallet} asks: do you agree?",
    "agree_to_pay": "You are about to pay",
    "agree_to_save": "You are about to allow later charges.",
    "choices": {
        "card": "A credit card that works",
        "debit": "A debit card that works",
        "card_3ds": "A card whose bank asks you first (3-D Secure)",
        "card_refused": "A card that is declined now: insufficient funds",
        "card_expired": "A card that is declined now: expired",
        "card_fails_later": "A card that can be saved, but is declined when it is charged",
        "paypal": "PayPal",
        "paypal_pending": "PayPal, with an outcome that comes later",
        "link": "Link",
        "alipay": "Alipay",
        "wechat_pay": "WeChat Pay",
    },
}
_ZH: dict[str, Any] = {
    "lang": "zh-Hans",
    "sandbox": "保号沙箱",
    "no_money": "这是沙箱：不会真正扣款，也不会要求输入卡号。",
    "pay": "付款",
    "save": "保存支付方式",
    "save_button": "保存",
    "saving_explained": "所选的支付方式会被保存，以便日后续费时扣款。现在不会扣款。",
    "you_pay": "付款内容",
    "total": "合计",
    "choose": "请选择一种测试支付方式",
    "choose_another": "请换一种。",
    "declined": "支付方式被拒绝：",
    "cancel": "取消并返回",
    "expires": "本页有效期至",
    "expired": "本页已过期",
    "complete": "已经完成",
    "done": "完成，可以关闭本页",
    "not_found": "没有这个页面",
    "back": "返回商户",
    "agree": "同意",
    "refuse": "拒绝",
    "bank_asks": "发卡行询问：是您本人吗？",
    "wallet_asks": "{wallet}询问：您同意吗？",
    "agree_to_pay": "即将付款",
    "agree_to_save": "即将允许日后扣款。",
    "choices": {
        "card": "可用的信用卡",
        "debit": "可用的借记卡",
        "card_3ds": "需要发卡行验证的卡（3-D Secure）",
        "card_refused": "立即被拒的卡：余额不足",
        "card_expired": "立即被拒的卡：已过期",
        "card_fails_later": "可以保存、但扣款时被拒的卡",
        "paypal": "PayPal",
        "paypal_pending": "PayPal，稍后才有结果",
        "link": "Link",
        "alipay": "支付宝",
        "wechat_pay": "微信支付",
    },
}
WALLETS = {"paypal": "PayPal", "alipay": "Alipay 支付宝", "wechat_pay": "WeChat Pay 微信支付"}


def words_for(accepted: str, locale: str | None = None) -> dict[str, Any]:
    """The words in the session's locale, else in the first language of `Accept-Language` that there is."""
    if locale and locale != "auto":
        return _ZH if locale.startswith("zh") else _EN
    for one in sorted(accepted.split(","), key=_weight, reverse=True):
        language = one.strip().partition(";")[0].partition("-")[0].lower()
        if language in ("zh", "en"):
            return _ZH if language == "zh" else _EN
    return _EN


def _weight(one: str) -> float:
    _, _, weight = one.partition(";q=")
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0
