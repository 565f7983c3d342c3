/** The tablet's words. The English text is the key; `t` fills in what stands in braces. */

const RU = /** @type {Record<string, string>} */ ({
  "Valid coupon": "Купон действителен",
  "Not given yet.": "Подарок ещё не выдан.",
  "Already given": "Уже выдан",
  "The shop's last list says that it was given.": "По последнему списку магазина он уже выдан.",
  "Do not give it again. A customer who did not get the gift can ask the shop that sent the coupon.":
    "Не выдавайте второй раз. Если покупатель не получил подарок, пусть обратится в магазин, приславший купон.",
  Cancelled: "Отменён",
  "The shop has cancelled this coupon.": "Магазин отменил этот купон.",
  "The customer can ask the shop that sent it.": "Покупатель может обратиться в магазин, приславший купон.",
  Expired: "Срок истёк",
  "It is too late for this coupon.": "Срок действия купона прошёл.",
  "It was valid until {date}.": "Купон действовал до {date} включительно.",
  "Not valid yet": "Ещё не действует",
  "It is valid from {date}.": "Купон действует с {date}.",
  "It is too early for this coupon.": "Срок действия купона ещё не начался.",
  "The customer is welcome to come again then. The dates are on the coupon's page: open its QR with a phone's camera.":
    "Пригласите покупателя прийти позже. Даты есть на странице купона: откройте QR камерой телефона.",
  "Not for this store": "Не для этого магазина",
  "This coupon is good at other stores.": "Этот купон действует в других магазинах.",
  "They are listed on the coupon's page: the customer can open its QR with a phone's camera.":
    "Они перечислены на странице купона: покупатель может открыть QR камерой телефона.",
  "Not our coupon": "Не наш купон",
  "This shop has not issued it, or the code was changed.": "Магазин не выпускал этот купон, или код изменён.",
  "Type the code printed under the QR. If that does not work either, the customer can ask the shop that sent it.":
    "Введите код, напечатанный под QR. Если не поможет, покупатель может обратиться в магазин, приславший купон.",
  "Not a coupon": "Это не купон",
  "This code holds something else.": "В этом коде что-то другое.",
  "Scan the coupon's own QR, or type the code printed under it.": "Наведите камеру на QR купона или введите код под ним.",
  "Give at risk": "Выдача под риском",
  "There is no connection, so this coupon may have been given already.": "Связи нет, поэтому неизвестно, не выдан ли подарок раньше.",
  "The campaign allows a few such gifts. This one counts against this till's allowance.":
    "Акция допускает несколько таких выдач. Эта будет учтена в лимите кассы.",
  "Reserved for this till": "Закреплён за этой кассой",
  "Ask another till": "Спросите другую кассу",
  "{name} can give it.": "Выдать может {name}.",
  "Another till": "Другая касса",
  "Bring the coupon to this till, or send the customer there.": "Перенесите купон на эту кассу или направьте покупателя туда.",
  "Send the customer there. It does not answer just now, so the gift can't be given here.":
    "Направьте покупателя туда. Сейчас она не отвечает, поэтому здесь подарок выдать нельзя.",
  "Bring it here": "Перенести сюда",
  "Asking {name}": "Спрашиваем: {name}",
  "Not confirmed": "Не подтверждено",
  "There is no answer from the shop, so this coupon may have been given already.":
    "Магазин не ответил, поэтому неизвестно, не выдан ли подарок раньше.",
  "Do not give the gift. Try again in a moment.": "Не выдавайте подарок. Повторите попытку через минуту.",
  "Given {when}": "Выдан {when}",
  "by you": "вами",
  "by {name}": "сотрудник: {name}",
  "at this till": "на этой кассе",
  "at another partner": "у другого партнёра",
  "at {device}": "касса: {device}",
  "at {device}, {store}": "касса: {device}, {store}",
  "{n} s ago": "{n} с назад",
  "{n} min ago": "{n} мин назад",
  "today at {time}": "сегодня в {time}",
  "on {date} at {time}": "{date} в {time}",
  "Give the gift": "Выдать подарок",
  "Not giving it": "Не выдаю",
  Next: "Дальше",
  Back: "Назад",
  Cancel: "Отмена",
  "Try again": "Повторить",
  "Do not give": "Не выдавать",
  "Hand over the gift": "Отдайте подарок",
  "Given {time}": "Выдан в {time}",
  Undo: "Отменить выдачу",
  "Undo: what happened?": "Отмена: что случилось?",
  "Given by mistake": "Выдан по ошибке",
  "Customer gave it back": "Покупатель вернул",
  "Wrong gift": "Не тот подарок",
  "Not handed over": "Не отдали",
  "Something else": "Другое",
  "Why was it not given?": "Почему не выдан?",
  "Asked for a receipt": "Попросили чек",
  "System down": "Система не работала",
  "Out of stock": "Подарок закончился",
  "Did not know the campaign": "Не знали об акции",
  "Taken back": "Выдача отменена",
  "The coupon can be used again.": "Купон снова можно использовать.",
  "Asking the shop": "Спрашиваем магазин",
  "Wait for the answer before you give the gift.": "Дождитесь ответа, прежде чем выдавать подарок.",
  Checking: "Проверяем",
  "Confirmed by the shop": "Подтверждено магазином",
  "Being confirmed": "Подтверждаем",
  "Not confirmed by the shop": "Не подтверждено магазином",
  Unfinished: "Не закончено",
  "Coupon {code}: was the gift handed over?": "Купон {code}: подарок отдали?",
  "Asked at {time}.": "Запрос в {time}.",
  "Given at {time}.": "Выдача в {time}.",
  "Yes, handed over": "Да, отдали",
  "No, not handed over": "Нет, не отдали",
  "Point the camera at the coupon's QR": "Наведите камеру на QR купона",
  Settings: "Настройки",
  Language: "Язык",
  Sound: "Звук",
  On: "Включён",
  Off: "Выключен",
  Camera: "Камера",
  "Camera {n}": "Камера {n}",
  "The one at the back": "Задняя камера",
  never: "ещё не было",
  Yes: "Да",
  "Ready to work offline": "Готов работать без связи",
  "Not yet: keep it online for a minute": "Ещё нет: оставьте на связи на минуту",
  "Last list from the shop": "Последний список магазина",
  "Entries not sent yet": "Записей ещё не отправлено",
  "Entries that wait for a manager": "Записей ждут менеджера",
  "Journal from before": "Прежний журнал",
  "The shop does not take it. Call a manager.": "Магазин его не принимает. Позовите менеджера.",
  "Coupons reserved for this till": "Закреплено купонов за кассой",
  Storage: "Хранилище",
  "Kept for good": "Защищено от очистки",
  "The browser may clear it when space runs out": "Браузер может очистить его при нехватке места",
  "App version": "Версия приложения",
  "not kept here yet": "ещё не сохранена",
  "Today on this till": "Сегодня на этой кассе",
  "Given: {given} · taken back: {back}": "Выдано: {given} · отменено: {back}",
  "Nothing was given here today.": "Сегодня здесь ничего не выдавали.",
  "A gift of a campaign that has ended": "Подарок завершённой акции",
  given: "выдан",
  "taken back": "отменён",
  Close: "Закрыть",
  "Type the code": "Ввести код",
  "Could not give": "Не смогли выдать",
  Light: "Свет",
  "Same coupon as before.": "Тот же купон.",
  "Show it again": "Показать снова",
  "Not given. The coupon stays valid.": "Не выдан. Купон остаётся действительным.",
  "Noted. Thank you.": "Записали. Спасибо.",
  "Code under the QR": "Код под QR",
  "Twelve letters and digits": "Двенадцать букв и цифр",
  "Check the coupon": "Проверить купон",
  "There is a typing mistake in this code. Compare it letter by letter.": "В коде опечатка. Сверьте его по буквам.",
  "The code has twelve letters and digits. Some are missing or too many.": "В коде двенадцать букв и цифр. Сейчас их больше или меньше.",
  "Who is at the till?": "Кто на кассе?",
  "PIN of {name}": "PIN: {name}",
  "Open the till": "Открыть кассу",
  "Someone else": "Другой сотрудник",
  "Delete the last digit": "Стереть цифру",
  "{n} digits entered": "Введено цифр: {n}",
  "This PIN is not right. Try again.": "PIN не подходит. Попробуйте ещё раз.",
  "Too many tries. Wait {n} s.": "Слишком много попыток. Подождите {n} с.",
  "No connection, so the PIN can't be checked. Try again in a moment.": "Нет связи, PIN не проверить. Повторите через минуту.",
  "That did not work. Try again.": "Не получилось. Попробуйте ещё раз.",
  "No clerks yet": "Сотрудников пока нет",
  "A manager adds the store's clerks and their PINs.": "Менеджер добавит сотрудников магазина и их PIN.",
  "Look again": "Проверить снова",
  Lock: "Закрыть кассу",
  "Online · synced {when} · {n} waiting": "На связи · {when} · в очереди {n}",
  "Offline since {time} · {n} waiting": "Нет связи с {time} · в очереди {n}",
  "list of {time}": "список от {time}",
  "clock {time} fast": "часы спешат на {time}",
  "clock {time} slow": "часы отстают на {time}",
  "clock was set back": "часы переведены назад",
  "Tablet's clock": "Часы планшета",
  "Right": "Идут верно",
  "It is {time} fast. Without a connection coupons are judged by it: set it right.":
    "Спешат на {time}. Без связи сроки купонов сверяются по ним: установите верное время.",
  "It is {time} slow. Without a connection coupons are judged by it: set it right.":
    "Отстают на {time}. Без связи сроки купонов сверяются по ним: установите верное время.",
  "It was set back. Without a connection coupons are judged by it: set it right.":
    "Переведены назад. Без связи сроки купонов сверяются по ним: установите верное время.",
  "Connecting · {n} waiting": "Подключаемся · в очереди {n}",
  "Not accepted by the shop · {n} waiting": "Магазин не принимает · в очереди {n}",
  "{n} with a manager": "у менеджера {n}",
  "Sync now": "Обновить сейчас",
  "A new version is ready": "Есть новая версия",
  "Update now": "Обновить",
  "Set up this tablet": "Настройте планшет",
  "A manager makes an enrolment link for this tablet. Open it here, or scan its QR.":
    "Менеджер создаёт ссылку для этого планшета. Откройте её здесь или отсканируйте её QR.",
  "In the office: Devices, then Enrol a tablet.": "В офисе: «Устройства», затем «Добавить планшет».",
  "The link works once, for ten minutes.": "Ссылка работает один раз, в течение десяти минут.",
  "Open the link on this tablet, or scan it.": "Откройте ссылку на этом планшете или отсканируйте её.",
  "Scan the link": "Сканировать ссылку",
  "Point the camera at the enrolment QR": "Наведите камеру на QR для настройки",
  "Setting up this tablet": "Настраиваем планшет",
  "This takes a moment.": "Это займёт минуту.",
  "The tablet is not set up": "Планшет не настроен",
  "No answer came. The link is still good: try again.": "Ответа нет. Ссылка ещё действует: повторите.",
  "This link was used by another tablet. Ask a manager for a new one.": "Эту ссылку использовал другой планшет. Попросите менеджера о новой.",
  "This link is too old. Ask a manager for a new one.": "Ссылка устарела. Попросите менеджера о новой.",
  "This link does not work. Ask a manager for a new one.": "Ссылка не работает. Попросите менеджера о новой.",
  "Enrol this tablet anew": "Настройте планшет заново",
  "The tablet has lost its key, so it can't prove who it is. What it recorded is kept. Ask a manager for a new enrolment link.":
    "Планшет потерял ключ и не может подтвердить себя. Записи сохранены. Попросите менеджера о новой ссылке.",
  "This tablet is not enrolled any more. What it recorded is kept. Ask a manager for a new enrolment link.":
    "Планшет отключён от системы. Записи сохранены. Попросите менеджера о новой ссылке.",
  "Call a manager": "Позовите менеджера",
  "The tablet can't save what happens here, so nothing may be given on it. Free some space, then open Redeem again.":
    "Планшет не может сохранить запись, поэтому выдавать на нём нельзя. Освободите место и откройте Redeem снова.",
  "Something went wrong on this tablet. Open Redeem again; nothing that was given is lost.":
    "На планшете произошла ошибка. Откройте Redeem снова; записи о выдаче сохранены.",
  "Open again": "Открыть снова",
  "Redeem is open in another tab": "Redeem открыт в другой вкладке",
  "Only one tab may write this tablet's journal. Close the other one, then try again.":
    "Журнал планшета ведёт только одна вкладка. Закройте другую и повторите.",
  "This browser is too old": "Браузер устарел",
  "Redeem needs a current Chrome, Edge, Safari or Firefox. Update the browser and open this page again.":
    "Нужен современный Chrome, Edge, Safari или Firefox. Обновите браузер и откройте страницу снова.",
  "The connection is not safe": "Соединение не защищено",
  "Cameras and keys work over HTTPS only. Open this page with https:// in front.":
    "Камера и ключи работают только по HTTPS. Откройте страницу с https:// в начале адреса.",
  "The camera is blocked": "Камера заблокирована",
  "Allow the camera for this page: tap the lock or camera icon beside the address, choose Allow, then try again.":
    "Разрешите камеру для этой страницы: нажмите на значок замка или камеры у адреса, выберите «Разрешить» и повторите.",
  "No camera found": "Камера не найдена",
  "Connect a camera or a USB scanner, or type the code under the QR.": "Подключите камеру или USB-сканер либо введите код под QR.",
  "The camera can't read codes just now": "Камера сейчас не читает коды",
  "Use a USB scanner, or type the code under the QR. Opening Redeem again may help.":
    "Используйте USB-сканер или введите код под QR. Может помочь открыть Redeem снова.",
  "The camera is in use": "Камера занята",
  "Another program has the camera. Close it, then try again.": "Камеру использует другая программа. Закройте её и повторите.",
  "Starting the camera": "Включаем камеру",
  "Valid until {date}": "Действует до {date}",
});

/** @type {Record<string, {name: string, words: Record<string, string>}>} */
export const LANGUAGES = { en: { name: "English", words: {} }, ru: { name: "Русский", words: RU } };

let language = "en";

/** @param {readonly string[]} wished tags like `ru-RU`, best first */
export function chooseLanguage(wished) {
  language = wished.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
}

export const currentLanguage = () => language;

/** The language that a button offers beside the present one. */
export const otherLanguage = () => /** @type {string} */ (Object.keys(LANGUAGES).find((each) => each !== language));

/** @param {string} text @param {Record<string, string | number>} [values] */
export function t(text, values = {}) {
  const words = LANGUAGES[language].words[text] ?? text;
  return words.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @param {number} at ms since 1970 @param {string} [zone] */
export const time = (at, zone) => new Intl.DateTimeFormat(tag(), { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(at);

/** "19 November". @param {number} at ms since 1970 @param {string} zone */
export const dayAndMonth = (at, zone) => new Intl.DateTimeFormat(tag(), { day: "numeric", month: "long", timeZone: zone }).format(at);

/** @param {string} day an ISO date or instant; a bare date is a calendar day wherever the store is @param {string} zone */
export function date(day, zone) {
  const timeZone = day.length === 10 ? "UTC" : zone;
  const written = new Intl.DateTimeFormat(tag(), { day: "numeric", month: "long", year: "numeric", timeZone }).format(new Date(day));
  return written.replace(/\s*г\.$/, ""); // a sentence often ends here, and one full stop is enough
}

/** "2 hrs", "3 дн.": short, so that it fits into any sentence. @param {number} ms */
export function duration(ms) {
  const [unit, length] = UNITS.find(([, each]) => Math.round(ms / each) >= 2) ?? UNITS[UNITS.length - 1];
  return new Intl.NumberFormat(tag(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(Math.round(ms / length));
}

/** @type {[string, number][]} */
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]]; // prettier-ignore

const tag = () => (language === "en" ? "en-GB" : language);
