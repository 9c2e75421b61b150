// What is new comes from labcheck over a WebSocket. All HTML in it was made by labcheck, from templates that show data
// as text, and the policy of the page runs no script but this one.

const RECONNECT = 1000;  // ms

const find = (css) => document.querySelector(css);
const rows = new Map([...document.querySelectorAll(".result")].map((row) => [row.dataset.id, row]));
const steps = [...document.querySelectorAll(".step")];
const lab = document.body.dataset.lab;
const marks = JSON.parse(document.body.dataset.marks);  // by outcome
const said = find("[role=status]");
let socket = null;
let next = "";  // the requirement to work on
let results = 0;  // which results the open rows show

function ask(what, of = "") {
    if (socket?.readyState === WebSocket.OPEN) {
        socket.send(JSON.stringify({ask: what, of}));
    }
}

function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

// -- The report

function showReport(report) {
    setText(find(".status"), report.status);
    document.title = `${report.passed}/${report.of} · ${lab}`;
    find("progress").value = report.passed;
    const trouble = find(".trouble");
    setText(trouble, report.trouble);
    trouble.hidden = report.trouble === "";
    for (const [id, row] of rows) {
        showOutcome(row, report.outcomes[id], report.checking === id);
    }
    for (const step of steps) {
        const all = step.querySelectorAll(".result").length;
        setText(step.querySelector(".count"), `${step.querySelectorAll(".result.passed").length} of ${all} pass`);
    }
    const changes = find(".changes");
    setText(changes, report.changes && `since the last run: ${report.changes}`);
    changes.hidden = report.changes === "";
    showNarrow(report);
    showWellDone(report.well_done);
    if (report.results !== results) {
        results = report.results;
        showNext(report.next);
        for (const row of document.querySelectorAll(".result[open]")) {
            ask("details", row.dataset.id);
        }
        if (!report.running) {
            setText(said, [`${report.passed} of ${report.of} pass`, next && `next: ${next}`, report.changes].filter(Boolean).join("; "));
        }
    }
}

function showOutcome(row, outcome, isChecked) {
    row.classList.toggle("checking", isChecked);
    if (row.dataset.outcome !== outcome) {
        row.classList.remove("passed", "failed", "not_run", "error");
        if (outcome) {
            row.classList.add(outcome);
        }
        row.dataset.outcome = outcome;
        setText(row.querySelector(".mark"), marks[outcome]);
    }
}

function showNarrow(report) {
    const button = find("[data-ask=narrow]");
    button.hidden = report.next === "";
    button.setAttribute("aria-pressed", report.narrow);
    setText(button.querySelector(".next-id"), report.next);
}

function showWellDone(lines) {
    const box = find(".well-done");
    if (box.hidden !== (lines.length === 0)) {
        box.hidden = lines.length === 0;
        box.replaceChildren(...lines.map((line) => {
            const paragraph = document.createElement("p");
            paragraph.textContent = line;
            return paragraph;
        }));
    }
}

// Opens the requirement to work on, and its step, when it is another one than before; the one before that is closed
// again, unless the user has used its fold.
function showNext(id) {
    if (id === next) {
        return;
    }
    const before = rows.get(next);
    if (before && !before.dataset.used) {
        before.open = false;
    }
    next = id;
    for (const [each, row] of rows) {
        row.classList.toggle("next", each === id);
    }
    const row = rows.get(id);
    for (const step of steps) {
        if (step.contains(row ?? null)) {
            step.open = true;
        } else if (!step.querySelector(".result:not(.passed)")) {
            step.open = false;
        }
    }
    if (row) {
        row.open = true;
        const step = document.getElementById(`sheet-${row.closest(".step").dataset.step}`);
        row.scrollIntoView({block: "nearest"});
        if (step && !find("#sheet").contains(document.activeElement) && isBeside()) {
            step.scrollIntoView({block: "start"});
        }
    }
}

// Whether the sheet is beside the report, and moves by itself.
function isBeside() {
    return getComputedStyle(find("#sheet")).overflowY === "auto";
}

function showDetails({id, html}) {
    const inside = rows.get(id)?.querySelector(".inside");
    if (!inside || inside.dataset.html === html) {
        return;
    }
    const open = new Set([...inside.querySelectorAll("details[open]")].map(nameOf));
    inside.innerHTML = html;
    inside.dataset.html = html;
    for (const fold of inside.querySelectorAll("details")) {
        fold.open ||= open.has(nameOf(fold));
    }
    addCopyButtons(inside, () => { said.textContent = "copied"; });
}

function nameOf(fold) {
    return fold.querySelector("summary").textContent;
}

for (const [id, row] of rows) {
    row.querySelector("summary").addEventListener("click", () => { row.dataset.used = "yes"; });
    row.addEventListener("toggle", () => {
        if (row.open) {
            ask("details", id);
        }
    });
}

// A link to something within a fold, such as a hint or an event, opens the fold.
addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) {
        fold.open = true;
    }
    target?.scrollIntoView();
});

// -- The user's server

const server = find("#server");
let shown = "";  // the page in the frame

function showServer(state) {
    if (!server) {
        return;
    }
    setText(server.querySelector(".state"), state.state);
    server.querySelector(".stop").hidden = state.wanted === "";
    setText(server.querySelector(".start"), state.wanted === "" ? "Start" : "Start again");
    for (const name of ["stdout", "stderr"]) {
        const box = server.querySelector(`.${name}`);
        if (box.textContent !== state[name]) {
            box.textContent = state[name];
            box.scrollTop = box.scrollHeight;
        }
    }
    server.querySelector(".output").hidden = state.starts === 0;
    server.dataset.port = state.port;
    server.dataset.starts = state.starts;
    server.querySelector(".place").hidden = !state.is_http || state.starts === 0;
    if (state.port && state.is_http) {
        showPage();
    }
}

// Shows the page at the path in the frame; again if the server has started again, or if the user wants it.
function showPage(isWanted = false) {
    const path = server.querySelector("[name=path]").value;
    const url = `http://localhost:${server.dataset.port}/${path.replace(/^\//, "")}`;
    const wanted = `${server.dataset.starts} ${url}`;
    server.querySelector(".own-tab").href = url;
    if (wanted === shown && !isWanted) {
        return;
    }
    shown = wanted;
    // A new frame: the history of the tab does not grow by one page with each save.
    const frame = document.createElement("iframe");
    frame.title = "A page of your server";
    // Its origin is another one than that of this page: it may keep its own, and use what belongs to it.
    frame.sandbox = "allow-scripts allow-forms allow-same-origin";
    frame.referrerPolicy = "no-referrer";
    frame.src = url;
    server.querySelector(".frame").replaceChildren(frame);
}

server?.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask("start", event.target.elements.program.value);
});
server?.querySelector(".place").addEventListener("submit", (event) => {
    event.preventDefault();
    if (Number(server.dataset.port)) {
        showPage(true);
    }
});

// -- The labs

function showLabs({labs}) {
    find(".labs").replaceChildren(...labs.map(({name, title, passed, of}) => {
        const item = document.createElement("li");
        const count = document.createElement("b");
        count.textContent = `${passed} of ${of}`;
        const words = document.createElement("span");
        words.textContent = `${name} · ${title}`;
        item.append(count, words);
        if (name !== lab) {
            const command = document.createElement("code");
            command.textContent = `labcheck open ${name}`;
            item.append(command);
        }
        return item;
    }));
}

// -- The connection

for (const button of document.querySelectorAll("[data-ask]")) {
    button.addEventListener("click", () => ask(button.dataset.ask));
}
for (const link of document.querySelectorAll("#sheet a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
}

// What is too wide to be seen whole can be moved with the keyboard.
function letScroll() {
    for (const box of document.querySelectorAll("#sheet pre")) {
        box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1;
    }
}

addEventListener("resize", letScroll);
letScroll();

const SHOW = {report: showReport, details: showDetails, server: showServer, labs: showLabs};

function connect() {
    socket = new WebSocket(`ws://${location.host}/labcheck/live`);
    socket.addEventListener("message", ({data}) => {
        const message = JSON.parse(data);
        SHOW[message.about](message);
    });
    socket.addEventListener("close", () => {
        setText(find(".status"), `labcheck has ended; in a terminal: labcheck open ${lab}`);
        setTimeout(connect, RECONNECT);
    });
}

connect();
