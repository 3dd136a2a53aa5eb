"""What walls, error pages and calls to subscribe say, in the languages of the web's news.

Each line of a table is one expression.  Those of titles are anchored, since an article may be
*about* error pages; the others are looked for in short pages and short paragraphs only.
"""

from __future__ import annotations

import re
from typing import Final


def _any_of(table: str) -> re.Pattern[str]:
    lines = (line.strip() for line in table.splitlines())
    return re.compile("|".join(f"(?:{line})" for line in lines if line), re.IGNORECASE)


ROBOT_TITLE: Final = _any_of(r"""
    ^just a moment
    ^attention required
    ^access denied$
    ^are you (?:a )?(?:human|robot)
    ^robot check
    ^pardon our interruption
    ^security check
    ^(?:verifying|please verify) (?:that )?you are (?:a )?human
    ^(?:human|bot) verification
    ^captcha$
    ^sind sie ein (?:mensch|roboter)
    ^sicherheitsüberprüfung
    ^êtes-vous un (?:humain|robot)
    ^vérification de sécurité
    ^verificación de seguridad
    ^проверка браузера
    ^вы не робот
""")
ROBOT_PHRASE: Final = _any_of(r"""
    verify(?:ing)? (?:that )?you are (?:a |not a )?(?:human|robot)
    unusual (?:traffic|activity) from your
    checking (?:if the site connection is secure|your browser)
    enable javascript and cookies to continue
    complete the (?:security check|captcha)
    press (?:&|and) hold to confirm
    you don['’]t have permission to access
    bestätigen sie, dass sie (?:ein mensch|kein roboter)
    confirmez que vous (?:êtes (?:un )?humain|n['’]êtes pas un robot)
    confirm[ae] que (?:no )?(?:es|eres) (?:un )?(?:humano|robot)
    conferma di (?:non )?essere un (?:robot|umano)
    potwierdź, że (?:nie )?jesteś (?:robotem|człowiekiem)
    подтвердите, что вы (?:человек|не робот)
""")

CONSENT_TITLE: Final = _any_of(r"""
    ^before you continue
    ^we value your privacy
    ^we (?:and our partners )?use cookies
    ^your privacy(?: choices| settings)?$
    ^(?:cookie )?consent
    ^(?:manage )?cookies?(?: (?:settings|policy|preferences|consent|notice))?$
    ^privacy (?:settings|gate|wall)
    ^datenschutz(?:-?einstellungen)?$
    ^zustimmung
    ^wir (?:brauchen|benötigen) ihre (?:zustimmung|einwilligung)
    ^votre (?:vie privée|consentement)
    ^(?:le )?respect(?:er|ons)? (?:de )?votre vie privée
    ^(?:tu|su) privacidad
    ^la tua privacy
    ^(?:uw|je) privacy
    ^a sua privacidade
    ^twoja prywatność
""")
CONSENT_PHRASE: Final = _any_of(r"""
    we (?:and our (?:\d+ )?partners )?(?:store and/or access|use cookies|value your privacy)
    (?:accept|reject|agree to) all(?: cookies)?$
    manage (?:my )?(?:cookie|privacy) (?:settings|choices|options)
    (?:wir und )?unsere (?:\d+ )?partner
    (?:akzeptieren|zustimmen) und weiter
    alle (?:cookies )?akzeptieren$
    mit werbung (?:und tracking )?(?:weiter|lesen|nutzen)
    nous et nos (?:\d+ )?partenaires
    (?:tout (?:accepter|refuser)|continuer sans accepter)
    nosotros y nuestros (?:\d+ )?socios
    aceptar (?:todo|y continuar)
    noi e i nostri (?:\d+ )?partner
    accetta (?:tutto|e continua)
    wij en onze (?:\d+ )?partners
    alles accepteren$
    nós e (?:os )?nossos (?:\d+ )?parceiros
    my i nasi (?:\d+ )?(?:zaufani )?partnerzy
    przejdź do serwisu
""")

ERROR_TITLE: Final = _any_of(r"""
    ^(?:error )?(?:40[0-9]|410|451|50[0-4])(?: error)?$
    ^(?:error )?(?:40[0-9]|410|451|50[0-4])\s?[:|–—-]
    ^(?:error )?404,? (?:page |file )?not found
    ^(?:error )?(?:403 forbidden|410 gone|500 internal server error|502 bad gateway)
    ^503 service (?:temporarily )?unavailable
    ^(?:\w+[!,.]* )?(?:the |this |that )?(?:page|article|story)\b.{0,40}\bnot (?:be )?found
    ^(?:\w+[!,.]* )?(?:the |this |that )?(?:page|article) .{0,30}(?:no longer|n['’]t) exist
    ^not found$
    ^service unavailable$
    ^forbidden$
    ^bad gateway$
    ^seite nicht gefunden
    ^diese seite (?:existiert|gibt es) nicht
    ^page (?:introuvable|non trouvée)
    ^página no encontrada
    ^pagina non trovata
    ^página não encontrada
    ^pagina niet gevonden
    ^nie znaleziono strony
    ^strona nie (?:istnieje|została znaleziona)
    ^страница не найдена
    ^sidan (?:kunde inte hittas|finns inte)
    ^siden (?:blev|ble) ikke fun[dn]et
    ^siden finnes ikke
    ^ページが見つかりません
""")
ERROR_PHRASE: Final = _any_of(r"""
    page (?:that )?you.{0,40}(?:not|no longer|n['’]t|moved|removed)
    (?:article|story) you (?:are|were) looking for
    requested url .{0,80}\bnot found
    angeforderte seite (?:wurde|konnte) nicht
    page (?:que vous (?:cherchez|recherchez|demandez)|demandée) n['’]
    página que (?:busca|buscas|solicita) no
    pagina (?:che (?:cerchi|stai cercando)|richiesta) non
    запрашиваемая страница не
    お探しのページ
""")

LOGIN_TITLE: Final = _any_of(r"""
    ^(?:please )?(?:log|sign)[ -]?in\b
    ^(?:anmelden|einloggen|anmeldung)\b
    ^(?:se connecter|connexion|identifiez-vous)\b
    ^(?:iniciar sesión|inicia sesión|acceder)\b
    ^(?:accedi|effettua il login)\b
    ^(?:entrar|iniciar sessão)$
    ^inloggen\b
    ^(?:zaloguj się|logowanie)\b
    ^(?:вход|войти)\b
    ^(?:logga in|log ind|logg inn)\b
""")
LOGIN_PHRASE: Final = _any_of(r"""
    forgot(?:ten)? (?:your )?password
    passwort vergessen
    mot de passe oublié
    olvid(?:aste|ó|ado) (?:tu|su|la) contraseña
    password dimenticata
    esquece[u-]\S* (?:a |sua )?senha
    wachtwoord vergeten
    nie pamiętasz hasła
    забыли пароль
""")

SUBSCRIBE: Final = _any_of(r"""
    subscribe(?: now| today)? to (?:continue|keep|read|unlock|get (?:full )?access)
    to (?:continue|keep) reading
    continue reading (?:with|by|for)
    (?:article|story|content) is (?:\w+ ){0,2}(?:for|to) (?:\w+ ){0,2}(?:subscribers|members)
    already (?:a subscriber|a member|have a subscription)
    (?:for subscribers only|subscribers?-only)
    unlock th(?:is|e) (?:full )?(?:article|story)
    (?:reached|read|used) (?:all of |all )?your (?:monthly|free|last free)
    (?:create|register for) (?:a |your )?(?:free )?account to (?:read|continue)
    (?:log|sign) ?in to (?:read|continue)
    register to (?:read|continue)
    weiterlesen mit\b
    (?:nur|exklusiv) für (?:\w+-)?abonnent
    (?:artikel|inhalt|text) ist (?:nur )?(?:für|mit) .{0,40}abo
    um (?:diesen|den) (?:ganzen |vollständigen )?artikel .{0,20}lesen
    (?:jetzt abo|bereits abonnent)
    réservée? (?:aux|à nos) abonnés
    il vous reste [\d., ]+ ?% de (?:cet article|ce)
    déjà abonné
    pour lire la suite
    abonnez-vous pour
    (?:exclusivo|solo) para suscriptores
    suscríb(?:e|ase|ete) para
    para seguir leyendo
    ya eres suscriptor
    riservat[oa] agli abbonati
    abbonati per (?:continuare|leggere)
    per continuare a leggere
    sei già abbonato
    exclusivo para assinantes
    assine para (?:ler|continuar)
    para continuar lendo
    (?:alleen|exclusief) voor abonnees
    lees verder met
    dla (?:prenumeratorów|subskrybentów)
    aby czytać dalej
    kup (?:prenumeratę|subskrypcję|dostęp)
    только для подписчиков
    оформите подписку
    чтобы (?:читать дальше|продолжить чтение)
    för att läsa (?:vidare|hela)
    bli prenumerant
    (?:kun )?for abonnenter
    l[æe]s videre med
    会員限定
    続きを読むには
    残り\d+文字
    订阅.{0,6}继续阅读
    付费阅读
""")

SUBSCRIBE_STEMS: Final = (
    *("subscri", "to read", "to continue", "reading", "member", "unlock", "your monthly"),
    *("your free", "your last free", "account to", "lesen", "abo", "lire la suite", "vous reste"),
    *("suscr", "leyendo", "abbona", "leggere", "assin", "lendo", "lees verder", "prenum"),
    *("subskry", "czytać", "dostęp", "подпис", "читать", "чтение", "att läsa", "videre med"),
    *("会員限定", "続きを読む", "残り", "订阅", "付费"),
)
"""Of each line of :data:`SUBSCRIBE` a part that is always there, in lower case: looking for these
costs a fiftieth of looking for the expressions, and nearly all paragraphs have none."""
