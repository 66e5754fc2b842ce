// The chat's look and its words. The server puts this file before widget.js, in one function scope.

const STYLE = `
:host{all:initial!important;display:block!important;position:static!important}
@media print{:host{display:none!important}}
*{box-sizing:border-box;margin:0;padding:0;border:0}
.root{--surface:#fff;--raised:#f4f5f7;--text:#16181d;--soft:#5d6470;--line:#e6e8ec;--field:#868d99;--bad:#b3261e;--good:#1c8a4e;
 --accent:#2f5bea;--on-accent:#fff;--edge:transparent;--shadow:0 0 0 1px rgba(15,18,25,.06),0 4px 12px rgba(15,18,25,.06),0 20px 48px -8px rgba(15,18,25,.22);
 font:400 15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:var(--text);
 -webkit-text-size-adjust:100%;text-align:start;color-scheme:light dark}
@media (prefers-color-scheme:dark){.root{--surface:#15171c;--raised:#23262d;--text:#eceef2;--soft:#a2a9b6;--line:#2b2f37;--field:#737b89;--bad:#ff9a90;--good:#5fd198;
 --shadow:0 0 0 1px rgba(255,255,255,.08),0 4px 12px rgba(0,0,0,.3),0 24px 56px -8px rgba(0,0,0,.7)}}
button,textarea{font:inherit;color:inherit;background:none;-webkit-appearance:none;appearance:none}
button{cursor:pointer;touch-action:manipulation;-webkit-tap-highlight-color:transparent}
button:focus-visible,a:focus-visible,.log:focus-visible{outline:2px solid var(--text);outline-offset:2px}
svg{display:block;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
[hidden]{display:none!important}
.hush{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}

.bubble{position:fixed;z-index:2147483000;bottom:calc(20px + env(safe-area-inset-bottom));right:calc(20px + env(safe-area-inset-right));
 width:60px;height:60px;border-radius:50%;background:var(--accent);color:var(--on-accent);display:grid;place-items:center;
 box-shadow:0 0 0 1px var(--edge),0 2px 6px rgba(15,18,25,.14),0 10px 28px -4px rgba(15,18,25,.32);transition:transform .2s cubic-bezier(.2,.9,.3,1.2),background-color .3s;animation:pop .35s cubic-bezier(.2,.9,.3,1.15) both}
.left .bubble{right:auto;left:calc(20px + env(safe-area-inset-left))}
.bubble:hover{transform:scale(1.06)}
.bubble:active{transform:scale(.96)}
.bubble svg{grid-area:1/1;width:27px;height:27px;transition:transform .25s,opacity .2s}
.bubble .shut,.open .bubble .chat{opacity:0;transform:rotate(-45deg) scale(.6)}
.open .bubble .shut{opacity:1;transform:none}
.badge{position:absolute;top:-3px;right:-3px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;background:#c8261b;color:#fff;
 font-size:12px;line-height:22px;font-weight:650;text-align:center;box-shadow:0 0 0 2.5px var(--surface)}

.panel{position:fixed;z-index:2147483001;bottom:calc(96px + env(safe-area-inset-bottom));right:calc(20px + env(safe-area-inset-right));
 width:392px;height:min(660px,calc(100vh - 120px));height:min(660px,calc(100dvh - 120px));display:flex;flex-direction:column;overflow:hidden;
 background:var(--surface);border-radius:20px;box-shadow:var(--shadow);animation:rise .24s cubic-bezier(.2,.8,.25,1) both;transform-origin:100% 100%;outline:none}
.left .panel{right:auto;left:calc(20px + env(safe-area-inset-left));transform-origin:0 100%}
.head{display:flex;align-items:center;gap:12px;padding:16px 14px 16px 20px;border-bottom:1px solid var(--line);flex:none}
.face{flex:none;width:40px;height:40px;border-radius:50%;background:var(--accent);color:var(--on-accent);display:grid;place-items:center;
 font-weight:650;font-size:17px;box-shadow:0 0 0 1px var(--edge)}
.face svg{width:20px;height:20px}
.who{flex:1;min-width:0}
.title{font-size:16px;line-height:1.3;font-weight:650;letter-spacing:-.01em;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.status{display:flex;align-items:center;gap:7px;color:var(--soft);font-size:13px;line-height:1.4;margin-top:1px}
.dot{flex:none;width:7px;height:7px;border-radius:50%;background:var(--good)}
.away .dot{background:none;box-shadow:inset 0 0 0 1.5px var(--soft)}
.status span:last-child{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.notice{flex:none;padding:5px 20px;background:#fff4de;color:#6b4300;font-size:12.5px;line-height:1.4;font-weight:600;text-align:center}
.notice:empty{display:none}
@media (prefers-color-scheme:dark){.notice{background:#33290f;color:#ffd78a}}
.close{flex:none;width:40px;height:40px;border-radius:12px;display:grid;place-items:center;color:var(--soft)}
.close:hover{background:var(--raised);color:var(--text)}
.close svg{width:20px;height:20px}

.log{flex:1;min-height:0;overflow-y:auto;overscroll-behavior:contain;padding:20px 16px 12px;display:flex;flex-direction:column;scrollbar-width:thin;scrollbar-color:var(--line) transparent}
.log>:first-child{margin-top:0}
.row{display:flex;flex-direction:column;align-items:flex-start;margin-top:14px;max-width:100%;animation:in .22s cubic-bezier(.2,.8,.3,1) both}
.row.again{margin-top:4px}
.row.mine{align-items:flex-end}
.row.still{animation:none}
.author{color:var(--soft);font-size:12.5px;margin:0 14px 3px}
.text{max-width:86%;padding:10px 15px;border-radius:20px;border-bottom-left-radius:6px;background:var(--raised);white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;text-align:start}
.mine .text{background:var(--accent);color:var(--on-accent);border-radius:20px;border-bottom-right-radius:6px;box-shadow:0 0 0 1px var(--edge)}
.failed .text{background:none;color:var(--text);box-shadow:inset 0 0 0 1.5px var(--bad)}
.text a{color:inherit;text-decoration:underline;text-underline-offset:2px}
.meta{display:flex;align-items:center;gap:8px;color:var(--soft);font-size:12px;line-height:1.4;margin:4px 6px 0}
.failed .meta{color:var(--bad);flex-wrap:wrap;justify-content:flex-end;text-align:end}
.again-button{padding:3px 10px;border-radius:99px;color:var(--text);background:var(--raised);font-weight:600}
.again-button:hover{background:var(--line)}
.chips{display:flex;flex-wrap:wrap;gap:8px;max-width:100%;margin-top:8px}
.chip{max-width:100%;min-height:40px;padding:7px 16px;border-radius:20px;font-weight:600;line-height:1.4;text-align:start;overflow-wrap:anywhere;box-shadow:inset 0 0 0 1px var(--field);transition:background-color .15s}
.chip:hover{background:var(--raised)}
.chip:disabled{color:var(--soft);background:none;box-shadow:inset 0 0 0 1px var(--line);cursor:default;font-weight:400}
.typing .text{display:flex;gap:5px;align-items:center;height:42px}
.typing i{width:7px;height:7px;border-radius:50%;background:var(--soft);animation:blink 1.2s infinite ease-in-out}
.typing i:nth-child(2){animation-delay:.16s}
.typing i:nth-child(3){animation-delay:.32s}

.foot{flex:none;padding:0 14px calc(14px + env(safe-area-inset-bottom))}
.trouble{color:var(--soft);font-size:13px;padding:0 6px 8px;text-align:center}
.trouble:empty{display:none}
.form{display:flex;align-items:flex-end;gap:6px;padding:5px;border-radius:24px;background:var(--surface);box-shadow:inset 0 0 0 1px var(--field);transition:box-shadow .15s}
.form:focus-within{box-shadow:inset 0 0 0 2px var(--soft)}
.input{flex:1;min-width:0;height:38px;max-height:128px;padding:8px 4px 8px 12px;font-size:16px;line-height:22px;resize:none;outline:none;overflow-y:auto;scrollbar-width:thin}
.input::placeholder{color:var(--soft);opacity:1}
.send{flex:none;width:38px;height:38px;border-radius:50%;background:var(--accent);color:var(--on-accent);display:grid;place-items:center;box-shadow:0 0 0 1px var(--edge);transition:background-color .15s,transform .15s}
.send:hover{transform:scale(1.05)}
.send[aria-disabled=true]{background:var(--raised);color:var(--soft);cursor:default;transform:none;box-shadow:none}
.send svg{width:19px;height:19px}

@media (max-width:480px),(max-height:480px){
 .panel,.left .panel{inset:0;width:100%;height:100vh;height:100dvh;border-radius:0;box-shadow:none;animation-name:up}
 .head{padding:calc(12px + env(safe-area-inset-top)) calc(8px + env(safe-area-inset-right)) 12px calc(16px + env(safe-area-inset-left))}
 .close{width:44px;height:44px}
 .log{padding-left:calc(14px + env(safe-area-inset-left));padding-right:calc(14px + env(safe-area-inset-right))}
 .open .bubble{visibility:hidden}
}
@keyframes pop{from{opacity:0;transform:scale(.5)}}
@keyframes rise{from{opacity:0;transform:translateY(14px) scale(.97)}}
@keyframes up{from{opacity:0;transform:translateY(24px)}}
@keyframes in{from{opacity:0;transform:translateY(8px)}}
@keyframes blink{0%,60%,100%{opacity:.35;transform:none}30%{opacity:1;transform:translateY(-3px)}}
@media (prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media (forced-colors:active){
 .panel,.text,.notice,.form{border:1px solid CanvasText}
 .bubble,.send,.face,.badge,.close,.again-button,.chip{border:1px solid ButtonText}
 .chip:disabled{border-color:GrayText}
 .form:focus-within{outline:2px solid Highlight}
 .dot{forced-color-adjust:none}
}`;

const WORDS = {
  en: {
    chat: 'Chat', open: 'Open chat', close: 'Close chat', messages: 'Messages', unread: '{n} unread messages', oneUnread: '1 unread message',
    hello: 'Hello! How can we help you?', write: 'Write a message…', label: 'Your message', send: 'Send message', assistant: 'Automated assistant',
    you: 'You', choices: 'Suggested answers', person: 'Our team', typing: 'Writing an answer', connecting: 'Connecting…', offline: 'You are offline', sending: 'Sending…', sent: 'Sent',
    waiting: 'Waiting for network', slow: 'Sending soon', failed: 'Not sent.', retry: 'Try again', discard: 'Delete', unreachable: 'The chat cannot be reached right now. We keep trying.',
    identity: 'Your sign-in could not be confirmed. Please sign in again.', held: 'Not sent yet', long: 'Too long: {n} of {most} characters.',
  },
  es: {
    chat: 'Chat', open: 'Abrir el chat', close: 'Cerrar el chat', messages: 'Mensajes', unread: '{n} mensajes sin leer', oneUnread: '1 mensaje sin leer',
    hello: '¡Hola! ¿En qué podemos ayudarle?', write: 'Escriba un mensaje…', label: 'Su mensaje', send: 'Enviar mensaje', assistant: 'Asistente automático',
    you: 'Usted', choices: 'Respuestas sugeridas', person: 'Nuestro equipo', typing: 'Escribiendo una respuesta', connecting: 'Conectando…', offline: 'Está sin conexión', sending: 'Enviando…', sent: 'Enviado',
    waiting: 'Esperando la red', slow: 'Se enviará enseguida', failed: 'No enviado.', retry: 'Reintentar', discard: 'Eliminar', unreachable: 'El chat no está disponible ahora mismo. Seguimos intentándolo.',
    identity: 'No se pudo confirmar su identidad. Inicie sesión de nuevo.', held: 'Aún no enviado', long: 'Demasiado largo: {n} de {most} caracteres.',
  },
  de: {
    chat: 'Chat', open: 'Chat öffnen', close: 'Chat schließen', messages: 'Nachrichten', unread: '{n} ungelesene Nachrichten', oneUnread: '1 ungelesene Nachricht',
    hello: 'Hallo! Wie können wir Ihnen helfen?', write: 'Nachricht schreiben…', label: 'Ihre Nachricht', send: 'Nachricht senden', assistant: 'Automatischer Assistent',
    you: 'Sie', choices: 'Vorgeschlagene Antworten', person: 'Unser Team', typing: 'Schreibt eine Antwort', connecting: 'Verbindung wird aufgebaut…', offline: 'Sie sind offline', sending: 'Wird gesendet…', sent: 'Gesendet',
    waiting: 'Wartet auf das Netz', slow: 'Wird gleich gesendet', failed: 'Nicht gesendet.', retry: 'Erneut versuchen', discard: 'Löschen', unreachable: 'Der Chat ist gerade nicht erreichbar. Wir versuchen es weiter.',
    identity: 'Ihre Anmeldung konnte nicht bestätigt werden. Bitte melden Sie sich neu an.', held: 'Noch nicht gesendet', long: 'Zu lang: {n} von {most} Zeichen.',
  },
  fr: {
    chat: 'Chat', open: 'Ouvrir le chat', close: 'Fermer le chat', messages: 'Messages', unread: '{n} messages non lus', oneUnread: '1 message non lu',
    hello: 'Bonjour ! Comment pouvons-nous vous aider ?', write: 'Écrivez un message…', label: 'Votre message', send: 'Envoyer le message', assistant: 'Assistant automatique',
    you: 'Vous', choices: 'Réponses proposées', person: 'Notre équipe', typing: 'Rédige une réponse', connecting: 'Connexion…', offline: 'Vous êtes hors ligne', sending: 'Envoi…', sent: 'Envoyé',
    waiting: 'En attente du réseau', slow: 'Envoi imminent', failed: 'Non envoyé.', retry: 'Réessayer', discard: 'Supprimer', unreachable: 'Le chat est injoignable pour le moment. Nous réessayons.',
    identity: 'Votre connexion n’a pas pu être confirmée. Veuillez vous reconnecter.', held: 'Pas encore envoyé', long: 'Trop long : {n} caractères sur {most}.',
  },
};

const ICONS = {
  chat: 'M21 11.5a8.5 8.5 0 0 1-12.3 7.6L3 21l1.9-5.7A8.5 8.5 0 1 1 21 11.5z',
  shut: 'M6 9.5l6 6 6-6',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M12 19V5M5.5 11.5L12 5l6.5 6.5',
};
