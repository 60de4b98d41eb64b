// A page opened as a file can load nothing, not even a module that says so.
if (location.protocol === 'file:')
  document.getElementById('status').textContent = 'This page needs a web server: run python3 -m http.server in its folder.';
