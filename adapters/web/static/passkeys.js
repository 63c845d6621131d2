'use strict';

// A form with data-passkey is shown where the browser knows passkeys. Before it is sent, the browser asks its owner for
// one: the address in data-passkey says for which. Everything else on these pages works without this file.

const bytesOf = text =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), one => one.charCodeAt(0));
const textOf = buffer =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const named = list => (list ?? []).map(one => ({...one, id: bytesOf(one.id)}));

async function passkeyOf(options) {
  const challenge = bytesOf(options.challenge);
  if (options.user === undefined) {
    const publicKey = {...options, challenge, allowCredentials: named(options.allowCredentials)};
    const {id, type, response} = await navigator.credentials.get({publicKey});
    return {id, rawId: id, type, response: {
      clientDataJSON: textOf(response.clientDataJSON), authenticatorData: textOf(response.authenticatorData),
      signature: textOf(response.signature), userHandle: response.userHandle ? textOf(response.userHandle) : null}};
  }
  const user = {...options.user, id: bytesOf(options.user.id)};
  const publicKey = {...options, challenge, user, excludeCredentials: named(options.excludeCredentials)};
  const {id, type, response} = await navigator.credentials.create({publicKey});
  return {id, rawId: id, type, response: {
    clientDataJSON: textOf(response.clientDataJSON), attestationObject: textOf(response.attestationObject)}};
}

async function send(form) {
  const failed = form.querySelector('[role=alert]');
  failed.hidden = true;
  try {
    const asked = await fetch(form.dataset.passkey, {method: 'POST'});
    if (asked.redirected || !asked.ok) {
      location.reload();  // signed out meanwhile, or too often: the page says what to do
      return;
    }
    form.elements.credential.value = JSON.stringify(await passkeyOf(await asked.json()));
  } catch (error) {
    failed.hidden = false;
    return;
  }
  form.submit();
}

if (window.PublicKeyCredential) {
  document.querySelectorAll('[data-without-passkeys]').forEach(one => { one.hidden = true; });
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', event => {
      event.preventDefault();
      send(form);
    });
  }
}
