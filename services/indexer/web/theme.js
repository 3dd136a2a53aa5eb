// A classic script in the head, so that the chosen theme holds before anything is painted.
(() => {
  try {
    const chosen = localStorage.getItem("wiredesk.theme");
    if (chosen === "dark" || chosen === "light") {
      document.documentElement.dataset.theme = chosen;
    }
  } catch {
    // Storage is off: the system's theme holds.
  }
})();
