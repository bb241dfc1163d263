/** The chat's page. */
import "./chat.css";

import { Chat } from "./chat";
import { listen, tell } from "./channel";

const chat = new Chat();
document.body.append(chat.element);
listen((message) => {
  chat.heard(message);
});
tell({ type: "ready" });
