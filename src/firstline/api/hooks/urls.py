"""Addresses that a telephony provider posts to; each form is signed with the account's token."""

from django.urls import path

from firstline.api.hooks import telephony

urlpatterns = [
    path("sms", telephony.sms, name="hook_sms"),
    path("voice/<int:page_id>", telephony.voice, name="hook_voice"),
]
