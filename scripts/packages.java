# Debian packages that scripts/get-services needs to fetch and run mongo-java-server.
maven
openjdk-17-jdk-headless
