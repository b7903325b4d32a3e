/* Joins the controls to the map. Text reaches the page as text nodes, or as HTML that was escaped when the page was built. */
"use strict";
var page = (function () {
  var PIN = 28, HAMLET = 4;  /* width of a pin, px; rank of hamlets, named only close up */

  function icon(shape, html, size) {
    return L.divIcon({ className: shape, html: html, iconSize: [size, size] });
  }

  function pin(feature, latlng) {
    var p = feature.properties, order = { none: 0, neighbour: 1, close: 2, outreach: 3, hub: 4 };
    return L.marker(latlng, { icon: icon("pin " + p.shape, p.html, PIN), pane: "pins", zIndexOffset: 1000 * order[p.shape] })
      .bindTooltip(p.facts, { direction: "top", offset: [0, -12], opacity: 1 });
  }

  function place(feature, latlng) {
    return L.marker(latlng, { icon: icon("name", feature.properties.html, 0), pane: "names", interactive: false, keyboard: false });
  }

  function around(at, w, h) { return [at.x - w, at.y - h, at.x + w, at.y + h]; }

  /* A row of the table of neighbourhoods, turned on its side, after the class that the map shows. */
  function facts(code, shown) {
    var row = document.getElementById("zone-" + code), box = document.createElement("div"), table = document.createElement("table");
    var heads = document.querySelectorAll("#zones thead tr:first-child th"), parts = document.querySelectorAll("#zones thead tr:last-child th");
    var cell = 1, part = 0;
    function lower(words) { return words.charAt(0).toLowerCase() + words.slice(1); }
    function line(head, text) {
      var added = table.insertRow();
      added.insertCell().textContent = head;
      added.insertCell().textContent = text;
    }
    box.appendChild(document.createElement("strong")).textContent = row.cells[0].textContent;
    line("Class on the map", shown);
    heads.forEach(function (head, i) {
      var texts = [];
      if (i === 0) { return; }
      for (var k = 0; k < head.colSpan; k += 1, cell += 1) {
        texts.push(head.rowSpan === 2 ? row.cells[cell].textContent : lower(parts[part++].textContent) + " " + row.cells[cell].textContent);
      }
      line(head.textContent, texts.join(", "));
    });
    box.appendChild(table);
    return box;
  }

  function start(map, layers, corners) {
    var form = document.getElementById("controls"), frame = document.getElementById("map"), box = map.getContainer();
    var bounds = L.latLngBounds(corners), numbers = L.layerGroup(), reach = L.layerGroup().addTo(map), leads = L.layerGroup().addTo(map);
    var groups = {}, pins = [];

    function zoneClass(layer) { return layer.feature.properties[form.elements.shading.value]; }

    function shade() {
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
      form.querySelectorAll("[data-kind=detail]").forEach(function (check) { box.classList.toggle("no-" + check.name, !check.checked); });
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

    layers.zones.eachLayer(function (layer) {
      layer.getElement().setAttribute("tabindex", "-1");
      layer.bindTooltip(function () { return facts(layer.feature.properties.code, zoneClass(layer) + " of 5"); }, { sticky: true, opacity: 1 });
    });
    form.querySelectorAll("[data-kind=sites]").forEach(function (check) { groups[check.name] = L.layerGroup(); });
    layers.sites.eachLayer(function (layer) {
      groups[layer.feature.properties.group].addLayer(layer);
      pins.push(layer);
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

    var before;
    window.matchMedia("print").addEventListener("change", function (event) {
      if (event.matches) { before = map.getBounds(); fit(before); } else { fit(before); }
    });
  }

  return { pin: pin, place: place, start: start };
})();
