import { h, render } from "preact";
import { useEffect, useState } from "preact/hooks";

import { age } from "./age.js";

function App() {
  const [notes, setNotes] = useState([]);
  useEffect(() => {
    fetch("/api/notes").then((response) => response.json()).then(setNotes);
  }, []);
  return notes.map((note) => h("article", { key: note.title }, [
    h("h2", null, note.title),
    h("time", { dateTime: note.date }, age(note.date)),
    h("div", { dangerouslySetInnerHTML: { __html: note.html } }),
  ]));
}

render(h(App), document.getElementById("app"));
