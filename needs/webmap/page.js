/* Joins search, controls and cards to the map. Text reaches the page as text nodes, or as HTML that was escaped when the page was built. */
"use strict";
var page = (function () {
  var PIN = 28, HAMLET = 4;  /* width of a pin, px; rank of hamlets, named only close up */
  var still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  function all(selector, inside) { return Array.prototype.slice.call((inside || document).querySelectorAll(selector)); }
  function byId(id) { return document.getElementById(id); }
  function lower(words) { return words.charAt(0).toLowerCase() + words.slice(1); }
  function made(name, words, inside) {
    var element = document.createElement(name);
    if (words) { element.textContent = words; }
    if (inside) { inside.appendChild(element); }
    return element;
  }

  function icon(shape, html, size) {
    return L.divIcon({ className: shape, html: html, iconSize: [size, size] });
  }

  function pin(feature, latlng) {
    var p = feature.properties, order = { none: 0, neighbour: 1, close: 2, outreach: 3, hub: 4 };
    return L.marker(latlng, { icon: icon("pin " + p.shape + (p.new ? " new" : ""), p.html, PIN), pane: "pins", zIndexOffset: 1000 * order[p.shape] })
      .bindTooltip(p.facts, { direction: "top", offset: [0, -12], opacity: 1 });
  }

  function place(feature, latlng) {
    return L.marker(latlng, { icon: icon("name", feature.properties.html, 0), pane: "names", interactive: false, keyboard: false });
  }

  function around(at, w, h) { return [at.x - w, at.y - h, at.x + w, at.y + h]; }

  /* Tables: the heading of every column, of grouped ones "group: heading". */
  function heads(table) {
    var lines = all("thead tr", table), below = lines.length > 1 ? all("th", lines[1]) : [], found = [];
    all("th, td", lines[0]).forEach(function (head) {
      if (lines.length === 1 || head.rowSpan === 2) { found.push({ group: "", head: head.textContent }); return; }
      for (var k = 0; k < head.colSpan; k += 1) { found.push({ group: head.textContent, head: below.shift().textContent }); }
    });
    return found;
  }

  function cells(table) {
    return all("tbody tr", table).map(function (row) {
      return all("th, td", row).map(function (cell) {
        var items = all("li", cell), small = cell.querySelector(".code"), text = cell.textContent.trim();
        if (items.length) { return items.map(function (item) { return item.textContent; }).join("; "); }
        if (small) { text = text.slice(0, text.length - small.textContent.length).trim() + "; " + small.textContent; }
        return text.replace(/^(≈ )?−?\d{1,3}(,\d{3})+(\.\d+)?$/, function (number) { return number.replace(/,/g, ""); });
      });
    });
  }

  /* A spreadsheet would run a text that begins like a formula. */
  function csv(table) {
    var first = heads(table).map(function (h) { return h.group ? h.group + ": " + h.head : h.head; });
    return [first].concat(cells(table)).map(function (row) {
      return row.map(function (text) {
        var plain = text.replace(/^−(?=\d)/, "-");
        if (/^[=+\-@\t\r]/.test(plain) && isNaN(plain.replace(/,/g, ""))) { plain = "'" + plain; }
        return '"' + plain.replace(/"/g, '""') + '"';
      }).join(",");
    }).join("\r\n") + "\r\n";
  }

  function offerTables() {
    all(".tables table").forEach(function (table, k) {
      var box = table.closest(".scroll") || table, words = table.caption ? table.caption.textContent : "table";
      var line = made("p"), link = made("a", "Save this table (CSV)", line);
      line.className = "downloads";
      link.download = byId("map").dataset.slug + "-" + (table.id || "numbers-" + (k + 1)) + ".csv";
      link.href = "#";
      link.setAttribute("aria-label", "Save this table (CSV): " + words);
      link.addEventListener("click", function () { link.href = "data:text/csv;charset=utf-8,%EF%BB%BF" + encodeURIComponent(csv(table)); });
      box.parentNode.insertBefore(line, box.nextSibling);
      if (box.scrollWidth > box.clientWidth + 1) { made("span", " This table is wider than the window: scroll it sideways.", line); }
    });
  }

  /* Whether a point lies in an outline: how often a line from it crosses the edge. */
  function inside(at, geometry) {
    var polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates, odd = false;
    polygons.forEach(function (rings) {
      rings.forEach(function (ring) {
        for (var i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
          var a = ring[i], b = ring[j];
          if ((a[1] > at.lat) !== (b[1] > at.lat) && at.lng < (b[0] - a[0]) * (at.lat - a[1]) / (b[1] - a[1]) + a[0]) { odd = !odd; }
        }
      });
    });
    return odd;
  }

  /* The card of a neighbourhood or site: its rows of the tables, turned on their side. */
  function Card(box) {
    var body = box.querySelector("div"), from = null;
    function close() {
      box.hidden = true;
      if (from && document.contains(from)) { from.focus({ preventScroll: true }); }
    }
    box.querySelector("button").addEventListener("click", close);
    box.addEventListener("keydown", function (event) { if (event.key === "Escape") { close(); } });

    /* What a resident asks first, how far it is, comes first. */
    function turned(row, extra) {
      var list = made("dl", "", body), groups = heads(row.closest("table")), before = "", cell;
      var pairs = all("th, td", row).map(function (c, i) { return [groups[i], c]; });
      function far(pair) { return pair[0].group.indexOf("Minutes") === 0; }
      pairs = pairs.filter(far).concat(pairs.filter(function (pair) { return !far(pair); }));
      (extra || []).concat(pairs).forEach(function (pair) {
        var group = pair[0].group, same = group && group === before;
        if (pair[1].nodeName === "TH" || !pair[1].textContent) { before = group; return; }
        if (!same) {
          made("dt", group || pair[0].head, list);
          cell = made("dd", "", list);
        } else { cell.appendChild(document.createTextNode(", ")); }
        if (group) { cell.appendChild(document.createTextNode(lower(pair[0].head) + " " + pair[1].textContent)); }
        else { Array.prototype.forEach.call(pair[1].childNodes, function (node) { cell.appendChild(node.cloneNode(true)); }); }
        before = group;
      });
    }

    return {
      close: close,
      open: function (title, rows, extra, opener) {
        from = opener;
        box.querySelector("h3").textContent = title;
        body.textContent = "";
        rows.forEach(function (row, i) {
          if (i) { made("h4", row.closest("table").caption.textContent, body); }
          turned(row, i ? [] : extra);
        });
        box.hidden = false;
        box.scrollTop = 0;
        box.focus({ preventScroll: window.innerWidth > 760 });
      }
    };
  }

  function start(map, layers, corners) {
    var form = byId("controls"), frame = byId("map"), box = map.getContainer(), card = Card(byId("card"));
    var bounds = L.latLngBounds(corners), numbers = L.layerGroup(), reach = L.layerGroup().addTo(map), leads = L.layerGroup().addTo(map);
    var groups = {}, pins = [], mark = L.layerGroup().addTo(map);

    function zoneClass(layer) { return layer.feature.properties[form.elements.shading.value]; }
    function classWords(number) {
      var item = document.querySelector('.key [data-key="' + form.elements.shading.value + '"] li:nth-child(' + number + ")");
      return number + " of 5: " + item.childNodes[1].textContent.trim();
    }

    function shade() {
      var chosen = form.querySelector("[name=shading]:checked");
      frame.dataset.palette = chosen.dataset.palette;
      numbers.clearLayers();
      layers.zones.eachLayer(function (layer) {
        var number = zoneClass(layer);
        layer.getElement().setAttribute("data-class", number);
        L.marker(layer.feature.properties.at, { icon: icon("figure", String(number), 18), pane: "names", interactive: false, keyboard: false })
          .addTo(numbers);
      });
      form.querySelectorAll("[name=shading]").forEach(function (radio) { key(radio.value, radio.checked); });
    }

    function key(name, on) {
      document.querySelectorAll('[data-key="' + name + '"]').forEach(function (line) { line.hidden = !on; });
    }

    function show() {
      form.querySelectorAll("[data-kind=sites]").forEach(function (check) {
        map[check.checked ? "addLayer" : "removeLayer"](groups[check.name]);
        key(check.name, check.checked);
      });
      form.querySelectorAll("[data-kind=detail]").forEach(function (check) {
        box.classList.toggle("no-" + check.name, !check.checked);
        key(check.name, check.checked);
      });
      map[form.elements.numbers.checked ? "addLayer" : "removeLayer"](numbers);
      outline();
      spread();
    }

    function outline() {
      var mode = form.elements.mode, within = form.elements.minutes;
      reach.clearLayers();
      form.querySelectorAll("[data-kind=reach]").forEach(function (check) {
        var drawn = 0, line = document.querySelector('[data-key="' + check.name + '"]'), words = line.querySelector("[data-words]");
        layers.reach.eachLayer(function (layer) {
          var p = layer.feature.properties;
          if (!check.checked || p.offer !== line.dataset.offer || p.mode !== mode.value || String(p.minutes) !== within.value) { return; }
          ["casing", "reach " + p.offer].forEach(function (style) {
            L.geoJSON(layer.feature, { pane: "reach", interactive: false, className: style, smoothFactor: 0 }).addTo(reach);
          });
          drawn += 1;
        });
        key(check.name, check.checked);
        words.textContent = "Within " + within.value + " minutes " + words.dataset.words + ": " +
          mode.selectedOptions[0].textContent.toLowerCase() + (drawn ? "" : " (nowhere)");
      });
    }

    /* Pins that would hide one another move apart; a line leads back to the place. */
    function spread() {
      var placed = [];
      leads.clearLayers();
      pins.forEach(function (layer) {
        var home = map.latLngToLayerPoint(layer.getLatLng()), at = home, turn = 0, el = layer.getElement();
        layer.at = null;
        if (!map.hasLayer(layer)) { return; }
        while (layer.feature.properties.moves && placed.some(function (o) { return Math.abs(o.x - at.x) < 31 && Math.abs(o.y - at.y) < 31; })) {
          turn += 1;
          at = home.add([9 * Math.sqrt(turn) * Math.cos(2.4 * turn), 9 * Math.sqrt(turn) * Math.sin(2.4 * turn)]).round();
        }
        el.style.marginLeft = at.x - home.x - PIN / 2 + "px";
        el.style.marginTop = at.y - home.y - PIN / 2 + "px";
        if (turn) {
          ["lead casing", "lead"].forEach(function (style) {
            L.polyline([layer.getLatLng(), map.layerPointToLatLng(at)], { pane: "reach", interactive: false, className: style }).addTo(leads);
          });
        }
        layer.at = at;
        if (layer.feature.properties.moves) { placed.push(at); }
      });
      names();
    }

    /* Place names get room in order of importance; none lies over another, under a pin or on a class number. */
    function names() {
      var taken = pins.filter(function (layer) { return layer.at; }).map(function (layer) { return around(layer.at, 15, 15); });
      if (map.hasLayer(numbers)) {
        numbers.eachLayer(function (layer) { taken.push(around(map.latLngToLayerPoint(layer.getLatLng()), 6, 8)); });
      }
      layers.places.eachLayer(function (layer) {
        var el = layer.getElement().firstChild, mine = around(map.latLngToLayerPoint(layer.getLatLng()), el.offsetWidth / 2 + 4, el.offsetHeight / 2 + 1);
        var free = taken.every(function (t) { return mine[2] < t[0] || mine[0] > t[2] || mine[3] < t[1] || mine[1] > t[3]; });
        free = free && (layer.feature.properties.rank < HAMLET || map.getZoom() >= 11.5);
        el.style.visibility = free ? "" : "hidden";
        if (free) { taken.push(mine); }
      });
    }

    function fit(seen) {
      map.invalidateSize({ animate: false, pan: false });
      map.fitBounds(seen, { animate: false });
    }

    function openZone(layer, opener) {
      var code = layer.feature.properties.code, row = byId("zone-" + code);
      var now = made("td", classWords(zoneClass(layer)));
      card.open(row.cells[0].textContent, [row, byId("points-" + code)], [[{ group: "", head: "Class on the map" }, now]], opener);
      all("path.chosen").forEach(function (path) { path.classList.remove("chosen"); });
      layer.getElement().classList.add("chosen");
      layer.bringToFront();
    }

    function openSite(layer, opener) {
      var row = byId(layer.feature.properties.row);
      if (row) { card.open(row.querySelector("th").childNodes[0].textContent, [row], [], opener); }
    }

    function zoneAt(at) {
      var found = null;
      layers.zones.eachLayer(function (layer) { if (!found && inside(at, layer.feature.geometry)) { found = layer; } });
      return found;
    }

    function Search() {
      var asked = byId("search"), wanted = asked.elements.wanted, list = byId("known"), found = byId("found"), known = {};
      var listed = byId("postcodes"), postcodes = listed ? JSON.parse(listed.textContent) : {};
      function add(words, go) {
        if (!words || known[words.toLowerCase()]) { return; }
        known[words.toLowerCase()] = go;
        made("option", "", list).value = words;
      }
      function plain(escaped) { return new DOMParser().parseFromString(escaped, "text/html").body.textContent; }
      /* Put a point where the card, which lies over the right side of a wide window, does not hide it. */
      function show(at, radius) {
        var zoom = Math.max(map.getZoom(), 12), aside = window.innerWidth > 760 ? Math.min(170, box.clientWidth / 4) : 0;
        mark.clearLayers();
        L.circleMarker(at, { radius: radius, className: "mark", pane: "reach", interactive: false }).addTo(mark);
        map.setView(map.unproject(map.project(at, zoom).add([aside, 0]), zoom), zoom, { animate: !still });
      }
      function look(at, words) {
        var zone = zoneAt(at);
        show(at, 11);
        found.textContent = zone ? (postcodes[words.replace(/[^A-Z0-9]/g, "")] ? "" : "The middle of ") + words + " is in " + byId("zone-" + zone.feature.properties.code).cells[0].textContent + "."
          : words + " is outside the council.";
        if (zone) { openZone(zone, wanted); } else { card.close(); }
      }
      layers.places.eachLayer(function (layer) {
        var words = plain(layer.feature.properties.html);
        add(words, function () { look(layer.getLatLng(), words); });
      });
      layers.sites.eachLayer(function (layer) {
        var words = plain(layer.feature.properties.name);
        add(words, function () {
          show(layer.getLatLng(), 19);
          found.textContent = words + ": " + plain(layer.feature.properties.html).replace(/^[^:]*: /, "").replace(/[\d×]*$/, "") + ".";
          openSite(layer, wanted);
        });
      });
      layers.zones.eachLayer(function (layer) {
        var words = byId("zone-" + layer.feature.properties.code).cells[0].textContent;
        add(words, function () {
          map.fitBounds(layer.getBounds(), { animate: !still, maxZoom: 13, padding: [60, 60] });
          found.textContent = "";
          openZone(layer, wanted);
        });
      });
      function go() {
        var words = wanted.value.trim(), short = words.toUpperCase().replace(/[^A-Z0-9]/g, ""), at = postcodes[short];
        var match = known[words.toLowerCase()] || known[Object.keys(known).filter(function (k) {
          return words.length > 2 && k.indexOf(words.toLowerCase()) >= 0;
        })[0]];
        if (!words) { found.textContent = ""; return; }
        if (match) { match(); } else if (at) { look(L.latLng(at), words.toUpperCase()); }
        else {
          card.close();
          found.textContent = "“" + words + "” was not found: try the name of a place, a building or a neighbourhood" +
            (listed ? ", or a whole postcode. Streets are not known." : ".");
        }
      }
      asked.addEventListener("submit", function (event) { event.preventDefault(); go(); });
      wanted.addEventListener("change", function () { if (known[wanted.value.trim().toLowerCase()]) { go(); } });
    }

    layers.zones.eachLayer(function (layer) {
      layer.getElement().setAttribute("tabindex", "-1");
      layer.bindTooltip(function () {
        var box = made("div"), row = byId("zone-" + layer.feature.properties.code);
        made("strong", row.cells[0].textContent, box);
        made("div", document.querySelector("#controls [name=shading]:checked").closest("fieldset").querySelector("legend")
          .textContent.replace("Shade by ", "").replace(/^./, function (c) { return c.toUpperCase(); }) + ", " +
          form.querySelector("[name=shading]:checked").parentNode.textContent.trim() + ": class " + classWords(zoneClass(layer)), box);
        made("div", "Click for every figure", box).className = "hint";
        return box;
      }, { sticky: true, opacity: 1 });
      layer.on("click", function () { openZone(layer, box); });
    });
    form.querySelectorAll("[data-kind=sites]").forEach(function (check) { groups[check.name] = L.layerGroup(); });
    layers.sites.eachLayer(function (layer) {
      groups[layer.feature.properties.group].addLayer(layer);
      pins.push(layer);
      function open() { openSite(layer, layer.getElement()); }
      layer.on("click", open).on("keypress", function (event) { if (event.originalEvent.key === "Enter") { open(); } });
    });
    box.setAttribute("role", "application");
    box.setAttribute("aria-label", frame.dataset.label);
    map.attributionControl.setPrefix("Leaflet").addAttribution(frame.dataset.credit);
    map.fitBounds(bounds, { animate: false, padding: [6, 6] });
    map.setMinZoom(map.getZoom() - 1).setMaxBounds(bounds.pad(0.6));
    map.on("zoomend", spread);
    map.on("focus", function () { map.scrollWheelZoom.enable(); }).on("blur", function () { map.scrollWheelZoom.disable(); });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") { map.eachLayer(function (layer) { if (layer.closeTooltip) { layer.closeTooltip(); } }); }
    });
    form.addEventListener("change", function (event) { (event.target.name === "shading" ? shade : show)(); });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    shade();
    show();
    Search();
    offerTables();

    var before, shut = [];
    window.addEventListener("beforeprint", function () {
      shut = all("details:not(.chart details):not([open])");
      shut.forEach(function (part) { part.open = true; });
    });
    window.addEventListener("afterprint", function () { shut.forEach(function (part) { part.open = false; }); });
    window.matchMedia("print").addEventListener("change", function (event) {
      if (event.matches) { before = map.getBounds(); }
      fit(before);
    });
  }

  return { pin: pin, place: place, start: start };
})();
