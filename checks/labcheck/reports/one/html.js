// Without this script, everything on the page can be read, folded and linked to. It adds filters, keys and copying.

const results = [...document.querySelectorAll(".result")];
const failures = results.filter((each) => each.matches(".failed, .error"));
const controls = document.querySelector(".controls");
const status = controls.querySelector("[role=status]");

// -- Filters

function show(outcome) {
    for (const button of controls.querySelectorAll("[data-show]")) {
        button.setAttribute("aria-pressed", button.dataset.show === outcome);
    }
    for (const each of results) {
        each.hidden = outcome !== "" && !each.classList.contains(outcome);
    }
    for (const section of document.querySelectorAll("main section")) {
        section.hidden = outcome !== "" && !section.querySelector(".result:not([hidden])");
    }
}

controls.addEventListener("click", ({target}) => {
    const {show: outcome, walk: step} = target.closest("button")?.dataset ?? {};
    if (outcome !== undefined) {
        show(outcome);
    } else if (step !== undefined) {
        walk(Number(step));
    }
});
controls.hidden = controls.querySelectorAll("[data-show]").length < 2;  // everything passes

// -- From failure to failure, around the end

let place = -1;

function walk(step) {
    if (failures.length === 0) {
        return;
    }
    const here = failures.indexOf(document.activeElement.closest(".result"));
    place = here < 0 ? place : here;
    place = place < 0 && step < 0 ? failures.length - 1 : (place + step + failures.length) % failures.length;
    const failure = failures[place];
    status.textContent = `failure ${place + 1} of ${failures.length}`;
    reveal(failure);
    failure.open = true;
    failure.querySelector("summary").focus({preventScroll: true});
    failure.scrollIntoView();
    history.replaceState(null, "", `#${failure.querySelector(".inside").id}`);
}

addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["n", "p"].includes(event.key)) {
        return;
    }
    event.preventDefault();
    walk(event.key === "n" ? 1 : -1);
});

// -- Links: what they lead to may be folded or filtered

function reveal(target) {
    if (target.closest("[hidden]") || target.querySelector(".result[hidden]")) {
        show("");
    }
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) {
        fold.open = true;
    }
}

function follow() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) {
        reveal(target);
        const result = target.closest(".result");
        (result ?? target).scrollIntoView();
        place = failures.includes(result) ? failures.indexOf(result) : place;
    }
}

addEventListener("hashchange", follow);
follow();

// -- Copying

addCopyButtons(document, () => { status.textContent = "copied"; });

// -- On paper, all failures are open

let folded = [];
addEventListener("beforeprint", () => {
    folded = failures.filter((each) => !each.open);
    folded.forEach((each) => { each.open = true; });
});
addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));
